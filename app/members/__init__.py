"""People: they sign in, belong to one or more organisations, hold roles there, and act for one of them at a time.

"make sure that you have the following roles assigned: Partner Pricing Viewer and Partner Pricing Submitter on the Partner
Center - Sell service, Editor on the Software Instance service." Viewing billing takes the Viewer; adding and withdrawing
take all three; a programme may ask all three for viewing too.

Nobody joins without saying so: an organisation's admin, or the operator, invites by e-mail, and who is invited accepts or
declines by the mailed link. An invitation that nobody answers within a week has expired.

open  --accept-->    accepted
open  --decline-->   declined
open  --withdraw-->  withdrawn
open  --replace-->   replaced
"""
