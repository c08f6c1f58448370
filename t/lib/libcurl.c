
/*
 * Another libcurl, as far as curl_version_info() tells: for LD_PRELOAD.
 * LIBCURL_TLS is the TLS behind it, LIBCURL_NUMBER its version (hexadecimal),
 * and LIBCURL_LACKS the bits of features that it has not got.
 */


#include <dlfcn.h>
#include <stdlib.h>

#include <curl/curl.h>


static int number(const char *name, int otherwise);


#undef curl_version_info

curl_version_info_data *
curl_version_info(CURLversion age)
{
    const char              *tls;
    curl_version_info_data  *real;

    static curl_version_info_data  info;
    static curl_version_info_data  *(*next)(CURLversion);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "curl_version_info");
    }

    real = next(age);
    tls = getenv("LIBCURL_TLS");

    info = *real;
    info.ssl_version = tls ? tls : real->ssl_version;
    info.version_num = (unsigned) number("LIBCURL_NUMBER",
                                         (int) real->version_num);
    info.features &= ~number("LIBCURL_LACKS", 0);

    return &info;
}


static int
number(const char *name, int otherwise)
{
    const char  *s;

    s = getenv(name);

    return s ? (int) strtol(s, NULL, 16) : otherwise;
}
