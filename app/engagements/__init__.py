"""The client's request, from Pending to Complete.

"The process is initiated for reviewing and approving a client's request ... You can approve the instance to complete the
engagement." A customer creates it from the catalog, the partner approves or rejects it in View details, bills while it
is approved, and marks it complete, asked or unasked. "Reject completion request" deletes the engagement by the guide's
word: it leaves Current engagements, takes no new entries, and keeps everything else; the same dialog offers to keep it
active. Nothing is ever removed from the database.

pending               --approve-->                      active
pending               --reject-->                       rejected
pending               --withdraw-->                     withdrawn
active                --add_billing_entry-->            active
active                --mark_as_complete-->             complete
active                --request_completion-->           completion_requested
completion_requested  --add_billing_entry-->            completion_requested
completion_requested  --mark_as_complete-->             complete
completion_requested  --decline_keep_active-->          active
completion_requested  --reject_completion_request-->    deleted
completion_requested  --withdraw_completion_request-->  active
complete              --delete_instance-->              complete
"""
