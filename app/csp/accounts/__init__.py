"""CSP accounts: a partner's own Microsoft partner tenants, registered by a Cloud Admin and connected by Login with Microsoft.

"Only Cloud Admin (Partner with CA Role) is allowed to add the Partner Account." The signed-in tenant must be the registered one.

    draft --login--> consent_pending --proven--> connected
      ^                   | cancelled, another tenant, role too weak
      +-------------------+
    connected --token dies--> reconsent_needed --login, proven--> connected
    connected --disable--> disabled --enable--> connected          no runs meanwhile
    any --disconnect--> disconnected                               tokens destroyed, documents kept
"""
