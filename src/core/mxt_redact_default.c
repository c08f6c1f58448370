
/*
 * The arguments that are hidden when nobody says which: see mxt_redact_list.h.
 */


#include <stddef.h>

#include "mxt_redact_list.h"


/*
 * Secrets first, then what names a person.  Not here, because it tells an
 * analyst something and opens nothing: user, login, name, id, uid, q, hash,
 * state and nonce (of no use without the visitor's session), ticket (of CAS:
 * used up before the page is shown; of all others: a number).
 */

const char *const  mxt_redact_default[] = {

    /* whatever is called so is one: access_, id_, refresh_, csrf_, reset_; and
     * OpenID Connect's id_token_hint, which is a token */
    "*token",
    "*tokenhint",
    "tokenid",

    /* user_password, new_password; and how it is abbreviated, or asked for
     * twice */
    "*password",
    "*passwordconfirmation",
    "password1",
    "password2",
    "*passwd",
    "*passphrase",
    "*passcode",
    "*pwd",
    "pass",
    "pass1",
    "pass2",
    "newpass",
    "oldpass",
    "userpass",
    "pw",

    /* client_secret; and keys that are secret by their name */
    "*secret",
    "*apikey",
    "*accesskey",
    "*secretkey",
    "*privatekey",
    "*authkey",
    "*consumerkey",
    "*subscriptionkey",
    "*activationkey",
    "*sharedkey",
    "*signingkey",
    "*encryptionkey",

    /* WordPress resets passwords by it, WooCommerce shows orders; else it is
     * an API's */
    "key",

    "auth",
    "authorization",
    "bearer",
    "*credential",
    "*credentials",
    "csrf",
    "xsrf",

    /* a link that is signed opens what it leads to, for all who have it:
     * X-Amz-Signature, X-Goog-Signature, sig of Azure */
    "*signature",
    "sig",
    "hmac",

    /* who has the session's id has the session: JSESSIONID, PHPSESSID,
     * ASP.NET_SessionId, sid of forums */
    "*sessionid",
    "*sessid",
    "*sessionkey",
    "session",
    "authsession",
    "sid",

    "*jwt",
    "*assertion",
    "samlresponse",
    "samlart",

    /* of OAuth and of mails that confirm an address or reset a password; a
     * promotion's can be a property of its own */
    "code",
    "oobcode",
    "*authcode",
    "*accesscode",
    "*activationcode",
    "*confirmationcode",
    "*devicecode",
    "*resetcode",
    "*securitycode",
    "*usercode",
    "*verificationcode",
    "*verifier",

    "otp",
    "totp",
    "pin",

    /* what no law lets into an analysis */
    "ssn",
    "*cardnumber",
    "*creditcard",
    "cvv",
    "cvc",
    "iban",

    /* newsletters have it in their links, and it names one person */
    "*email",
    "*phone",
    "*phonenumber",

    NULL
};
