
/*
 * Clients that are no browsers by how their user agent begins: libraries
 * and what is made of them.
 */


#include <string.h>

#include "mxt_agent_scan.h"


static unsigned mxt_agent_is_client(const mxt_agent_text_t *ua);
static int mxt_agent_compare(const mxt_agent_text_t *ua, const char *name);
static unsigned mxt_agent_has_letter(const mxt_agent_text_t *ua);


/*
 * In small letters, and with a slash where the word may be of an app's name,
 * too.  In the order of strcmp(), and none begins another: so the one that a
 * user agent begins with is, if there is one, the last that is not behind it.
 */

static const char *const  mxt_agent_clients[] = {
    "acunetix", "ahc/", "aiohttp", "amazon cloudfront", "ansible",
    "anthropic-ai", "apache-httpclient", "apachebench", "apify", "artillery",
    "asynchttpclient", "aws-", "axios", "bitbucket-webhooks", "blackbox",
    "bun/", "check_http", "cloudflare", "cohere-ai", "cohttp", "colly",
    "consul health", "containerd", "curl", "customasynchttpclient", "dart/",
    "datadog", "debian apt-http", "deno/", "docker/", "elb-healthchecker",
    "embedly", "expanse", "facebookcatalog", "faraday", "fasthttp", "feed",
    "fetch/", "gatling", "git/", "github-", "go http", "go-http-client",
    "go-resty", "googlehc", "got (", "got/", "grpc-", "gtmetrix", "guzzle",
    "hackney", "hatena", "hey/", "htmlparser", "http", "hyper/", "ia_archiver",
    "iframely", "imgproxy", "insomnia", "jakarta", "java-http", "java/",
    "jersey/", "jetty/", "jmeter", "k6/", "kube-probe", "l9explore", "l9tcpid",
    "libcurl", "libwww", "locust", "lua-resty", "lwp", "mechanize",
    "meta-external", "microsoft url control", "mint/", "nagios", "newspaper/",
    "nikto", "nmap", "node", "nuclei", "nutch", "okhttp", "pandas", "perl",
    "php", "postman", "powershell", "prometheus", "pycurl", "python",
    "reactor-netty", "req/", "requests/", "reqwest", "rest-client",
    "restsharp", "resty", "rss", "ruby", "rust-", "scrapy", "siege",
    "sitesucker", "skypeuripreview", "slack", "sqlmap", "ssl labs",
    "superagent", "symfony", "twilioproxy", "twurly", "typhoeus", "undici",
    "unirest", "uptime", "urlgrabber", "vegeta", "viber", "vkshare", "w3c",
    "webcopier", "wget", "whatsapp/", "winhttp", "wordpress", "wrk", "xenu",
    "zabbix", "zapier", "zgrab"
};

#define MXT_AGENT_CLIENTS                                                    \
    (sizeof(mxt_agent_clients) / sizeof(mxt_agent_clients[0]))


unsigned
mxt_agent_is_odd(const mxt_agent_text_t *ua, uint64_t seen)
{
    static const char  mozilla[] = "Mozilla/";
    static const char  opera[] = "Opera/";

    /* those who say so are of the time before the others' engines */

    if ((seen & mxt_agent_bit(MXT_AGENT_COMPATIBLE))
        && !(seen & (mxt_agent_bit(MXT_AGENT_MSIE)
                     | mxt_agent_bit(MXT_AGENT_KONQUEROR)
                     | mxt_agent_bit(MXT_AGENT_PRESTO))))
    {
        return 1;
    }

    if (ua->len >= sizeof(mozilla) - 1
        && memcmp(ua->data, mozilla, sizeof(mozilla) - 1) == 0)
    {
        /* a browser has at least its system in brackets */

        return !(seen & MXT_AGENT_ANY_BROWSER)
               && memchr(ua->data, '(', ua->len) == NULL;
    }

    if (ua->len >= sizeof(opera) - 1
        && memcmp(ua->data, opera, sizeof(opera) - 1) == 0)
    {
        return 0;
    }

    /* none at all says nothing, and to the SDK it is no bot */

    return ua->len
           && (mxt_agent_is_client(ua) || !mxt_agent_has_letter(ua));
}


static unsigned
mxt_agent_is_client(const mxt_agent_text_t *ua)
{
    int     rc;
    size_t  low, high, i;

    low = 0;
    high = MXT_AGENT_CLIENTS;

    while (low < high) {
        i = low + (high - low) / 2;
        rc = mxt_agent_compare(ua, mxt_agent_clients[i]);

        if (rc == 0) {
            return 1;
        }

        if (rc < 0) {
            high = i;

        } else {
            low = i + 1;
        }
    }

    return 0;
}


/* 0 if the user agent begins with the name */

static int
mxt_agent_compare(const mxt_agent_text_t *ua, const char *name)
{
    int     ch;
    size_t  i;

    for (i = 0; name[i]; i++) {

        if (i == ua->len) {
            return -1;
        }

        ch = (unsigned char) ua->data[i];

        if (ch >= 'A' && ch <= 'Z') {
            ch |= 0x20;
        }

        if (ch != name[i]) {
            return ch - name[i];
        }
    }

    return 0;
}


static unsigned
mxt_agent_has_letter(const mxt_agent_text_t *ua)
{
    char    ch;
    size_t  i;

    for (i = 0; i < ua->len; i++) {
        ch = ua->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')) {
            return 1;
        }
    }

    return 0;
}
