
/*
 * Cookies: the SDK's by real values (mixpanel-browser 2.83.0 has written
 * them, and has said which of the others it takes) and by all the ways to be
 * malformed; finding one; consent; device ids.
 *
 * Input and scratch lie in allocations of their exact size, for the
 * sanitizers to see a byte too far.
 */


#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../src/core/mxt_cookie.c"
#include "../../src/core/mxt_cookie_sdk.c"
#include "../../src/core/mxt_cookie_text.c"


#define countof(a)  (sizeof(a) / sizeof((a)[0]))

#define S(s)        s, sizeof(s) - 1
#define UUID        "f570d457-a761-4457-8e3f-46523f6a2606"

/* a cookie with a distinct_id, and something behind it */
#define WITH(s)     "{\"distinct_id\":\"X\"" s "}"

/* 8 and 15 levels */
#define NEST8(c)    c c c c c c c c
#define NEST15(c)   NEST8(c) c c c c c c c


typedef struct {
    const char  *name;
    const char  *text;
    size_t       len;
    const char  *want;      /* as told() tells it; NULL: no cookie */
} test_value_t;


/* as they came out of the SDK */

static const test_value_t  sdk[] = {

    { "a first visit",
      S("%7B%22distinct_id%22%3A%22%24device%3Adba159a8-372b-41b9-acfc-0d8cec"
        "af5452%22%2C%22%24device_id%22%3A%22dba159a8-372b-41b9-acfc-0d8cecaf"
        "5452%22%2C%22%24initial_referrer%22%3A%22%24direct%22%2C%22%24initia"
        "l_referring_domain%22%3A%22%24direct%22%2C%22__mps%22%3A%7B%7D%2C%22"
        "__mpso%22%3A%7B%22%24initial_referrer%22%3A%22%24direct%22%2C%22%24i"
        "nitial_referring_domain%22%3A%22%24direct%22%7D%2C%22__mpus%22%3A%7B"
        "%7D%2C%22__mpa%22%3A%7B%7D%2C%22__mpu%22%3A%7B%7D%2C%22__mpr%22%3A%5"
        "B%5D%2C%22__mpap%22%3A%5B%5D%7D"),
      "distinct_id=$device:dba159a8-372b-41b9-acfc-0d8cecaf5452|"
      "$device_id=dba159a8-372b-41b9-acfc-0d8cecaf5452|"
      "$initial_referrer=$direct|$initial_referring_domain=$direct|" },

    { "a visit from a search engine, with utm, before identify()",
      S("%7B%22distinct_id%22%3A%22%24device%3Af570d457-a761-4457-8e3f-46523f"
        "6a2606%22%2C%22%24device_id%22%3A%22f570d457-a761-4457-8e3f-46523f6a"
        "2606%22%2C%22__mps%22%3A%7B%7D%2C%22__mpso%22%3A%7B%22initial_utm_so"
        "urce%22%3A%22news%22%2C%22initial_utm_medium%22%3Anull%2C%22initial_"
        "utm_campaign%22%3A%22gr%C3%BC%C3%9Fe%22%2C%22%24initial_referrer%22%"
        "3A%22https%3A%2F%2Fother.example%2F%22%2C%22%24initial_referring_dom"
        "ain%22%3A%22www.google.com%22%7D%2C%22__mpus%22%3A%7B%7D%2C%22__mpr%"
        "22%3A%5B%5D%2C%22__mpap%22%3A%5B%5D%2C%22%24search_engine%22%3A%22go"
        "ogle%22%2C%22mp_keyword%22%3A%22caf%C3%A9%20%5C%22x%5C%22%22%2C%22ut"
        "m_source%22%3A%22news%22%2C%22utm_campaign%22%3A%22gr%C3%BC%C3%9Fe%2"
        "2%2C%22%24initial_referrer%22%3A%22https%3A%2F%2Fwww.google.com%2Fse"
        "arch%3Fq%3Dcaf%25C3%25A9%2B%2522x%2522%22%2C%22%24initial_referring_"
        "domain%22%3A%22www.google.com%22%7D"),
      "distinct_id=$device:" UUID "|$device_id=" UUID "|"
      "$initial_referrer=https://www.google.com/search?q=caf%C3%A9+%22x%22|"
      "$initial_referring_domain=www.google.com|$search_engine=google|"
      "mp_keyword=caf\xc3\xa9 \"x\"|utm_source=news|"
      "utm_campaign=gr\xc3\xbc\xc3\x9f" "e|" },

    { "after register(), time_event() and identify()",
      S("%7B%22distinct_id%22%3A%22user%3B1%2C%20%5C%22%3D%25%40example.com%2"
        "2%2C%22%24device_id%22%3A%22f570d457-a761-4457-8e3f-46523f6a2606%22%"
        "2C%22__mps%22%3A%7B%7D%2C%22__mpso%22%3A%7B%7D%2C%22__mpr%22%3A%5B%5"
        "D%2C%22plan%22%3A%22pro%20%5C%221%5C%22%22%2C%22n%22%3A1.5%2C%22b%22"
        "%3Atrue%2C%22list%22%3A%5B%22a%22%2C%7B%22b%22%3Anull%7D%5D%2C%22emo"
        "ji%22%3A%22%F0%9F%98%80%22%2C%22lone%22%3A%22%5Cud83d%22%2C%22%E6%97"
        "%A5%E6%9C%AC%22%3A%22%E8%AA%9E%22%2C%22nl%22%3A%22a%5Cnb%5C%5Cc%5Cu0"
        "001%7F%22%2C%22__timers%22%3A%7B%22Video%22%3A1795475441896%7D%2C%22"
        "%24user_id%22%3A%22user%3B1%2C%20%5C%22%3D%25%40example.com%22%7D"),
      "distinct_id=user;1, \"=%@example.com|$device_id=" UUID "|"
      "$user_id=user;1, \"=%@example.com|" },

    { "after identify(12345) and alias()",
      S("%7B%22distinct_id%22%3A12345%2C%22%24device_id%22%3A%22f570d457-a761"
        "-4457-8e3f-46523f6a2606%22%2C%22__mps%22%3A%7B%7D%2C%22%24user_id%22"
        "%3A12345%2C%22__alias%22%3A%22al%22%7D"),
      "distinct_id=12345|$device_id=" UUID "|$user_id=12345|" },

    { "after reset()",
      S("%7B%22distinct_id%22%3A%22%24device%3Af570d457-a761-4457-8e3f-46523f"
        "6a2606%22%2C%22%24device_id%22%3A%22f570d457-a761-4457-8e3f-46523f6a"
        "2606%22%7D"),
      "distinct_id=$device:" UUID "|$device_id=" UUID "|" },
};


static const test_value_t  values[] = {

    /* what the encoding may be */

    { "an encoded one", S("%7B%22distinct_id%22%3A%22X%22%7D"),
      "distinct_id=X|" },
    { "lower-case hexadecimal", S("%7b%22distinct_id%22%3a%22X%22%7d"),
      "distinct_id=X|" },
    { "one that is not encoded", S(WITH("")), "distinct_id=X|" },
    { "letters that are encoded", S("{\"%64istinct_id\":\"%58\"}"),
      "distinct_id=X|" },
    { "a plus is a plus", S("{\"distinct_id\":\"a+b\"}"),
      "distinct_id=a+b|" },
    { "decoded once only", S("{\"distinct_id\":\"%2541\"}"),
      "distinct_id=%41|" },
    { "a percent sign that ends it", S(WITH("") "%"), NULL },
    { "a percent sign and one digit", S(WITH("") "%2"), NULL },
    { "a percent sign in a string", S("{\"distinct_id\":\"100%\"}"), NULL },
    { "no hexadecimal, first", S(WITH(",\"a\":\"%g0\"")), NULL },
    { "no hexadecimal, second", S(WITH(",\"a\":\"%0:\"")), NULL },
    { "a sign is not hexadecimal", S(WITH(",\"a\":\"%+1\"")), NULL },
    { "%u", S(WITH(",\"a\":\"%u0041\"")), NULL },

    /* UTF-8 */

    { "two bytes", S("{\"distinct_id\":\"%C3%BC\"}"),
      "distinct_id=\xc3\xbc|" },
    { "three bytes", S("{\"distinct_id\":\"%E0%A0%80%ED%9F%BF%EF%BF%BF\"}"),
      "distinct_id=\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf|" },
    { "four bytes", S("{\"distinct_id\":\"%F0%90%80%80%F4%8F%BF%BF\"}"),
      "distinct_id=\xf0\x90\x80\x80\xf4\x8f\xbf\xbf|" },
    { "not encoded", S("{\"distinct_id\":\"\xe8\xaa\x9e\"}"),
      "distinct_id=\xe8\xaa\x9e|" },
    { "a lead byte alone", S(WITH(",\"a\":\"%C3\"")), NULL },
    { "a continuation alone", S(WITH(",\"a\":\"%80\"")), NULL },
    { "three bytes, cut", S(WITH(",\"a\":\"%E8%AA\"")), NULL },
    { "overlong, two bytes", S(WITH(",\"a\":\"%C0%A2\"")), NULL },
    { "overlong, three bytes", S(WITH(",\"a\":\"%E0%9F%BF\"")), NULL },
    { "overlong, four bytes", S(WITH(",\"a\":\"%F0%8F%BF%BF\"")), NULL },
    { "a surrogate", S(WITH(",\"a\":\"%ED%A0%80\"")), NULL },
    { "above U+10FFFF", S(WITH(",\"a\":\"%F4%90%80%80\"")), NULL },
    { "above that", S(WITH(",\"a\":\"%F5%80%80%80\"")), NULL },
    { "in a key", S(WITH(",\"%FF\":1")), NULL },
    { "outside of strings", S(WITH("") "%C2%A0"), NULL },
    { "a byte order mark", S("%EF%BB%BF" WITH("")), NULL },

    /* strings */

    { "escapes",
      S("{\"distinct_id\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00fc\\u20ac"
        "\"}"),
      "distinct_id=\"\\/\b\f\n\r\tA\xc3\xbc\xe2\x82\xac|" },
    { "an escape, encoded", S("{\"distinct_id\":\"%5C%75%30%30%34%31\"}"),
      "distinct_id=A|" },
    { "the bounds of \\u",
      S("{\"distinct_id\":\"\\u007f\\u0080\\u07FF\\u0800\\uFFFF\"}"),
      "distinct_id=\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf|" },
    { "a pair", S("{\"distinct_id\":\"\\ud83d\\uDE00\\uDBFF\\uDFFF\"}"),
      "distinct_id=\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf|" },
    { "half a pair", S("{\"distinct_id\":\"a\\ud83d\"}"),
      "distinct_id=a\xef\xbf\xbd|" },
    { "the other half", S("{\"distinct_id\":\"\\ude00z\"}"),
      "distinct_id=\xef\xbf\xbdz|" },
    { "half a pair before a pair",
      S("{\"distinct_id\":\"\\ud83d\\ud83d\\ude00\"}"),
      "distinct_id=\xef\xbf\xbd\xf0\x9f\x98\x80|" },
    { "half a pair before an escape",
      S("{\"distinct_id\":\"\\ud83d\\n\\ud83d\\u0041\"}"),
      "distinct_id=\xef\xbf\xbd\n\xef\xbf\xbd" "A|" },
    { "a wrong pair", S("{\"distinct_id\":\"\\ude00\\ud83d\"}"),
      "distinct_id=\xef\xbf\xbd\xef\xbf\xbd|" },
    { "half a pair before a bad escape",
      S("{\"distinct_id\":\"\\ud83d\\ude0\"}"), NULL },
    { "DEL", S("{\"distinct_id\":\"%7F\x7f\"}"), "distinct_id=\x7f\x7f|" },
    { "an unknown escape", S(WITH(",\"a\":\"\\x\"")), NULL },
    { "an escape in upper case", S(WITH(",\"a\":\"\\N\"")), NULL },
    { "\\u with three digits", S(WITH(",\"a\":\"\\u004\"")), NULL },
    { "\\u with a letter", S(WITH(",\"a\":\"\\u004g\"")), NULL },
    { "a line feed", S(WITH(",\"a\":\"%0A\"")), NULL },
    { "a tab, not encoded", S(WITH(",\"a\":\"\t\"")), NULL },
    { "a NUL", S(WITH(",\"a\":\"%00\"")), NULL },
    { "single quotes", S("{'distinct_id':'X'}"), NULL },
    { "a string without an end", S("{\"distinct_id\":\"X"), NULL },
    { "a key without an end", S("{\"distinct_id"), NULL },
    { "no string after a backslash", S("{\"distinct_id\":\"X\\"), NULL },

    /* keys */

    { "a key with an escape", S("{\"distinct\\u005fid\":\"X\"}"),
      "distinct_id=X|" },
    { "a prefix of a key", S("{\"distinct_i\":\"X\"}"), "" },
    { "a key and more", S("{\"distinct_id2\":\"X\"}"), "" },
    { "a key in capitals", S("{\"Distinct_id\":\"X\"}"), "" },
    { "a key and a NUL", S("{\"distinct_id\\u0000\":\"X\"}"), "" },
    { "an empty key", S("{\"\":\"X\"}"), "" },
    { "a long key", S("{\"utm_marketing_tactic_of_the_year\":\"X\"}"), "" },
    { "an alias is not looked at", S("{\"__alias\":\"X\"}"), "" },
    { "all of them",
      S("{\"distinct_id\":\"a\",\"$device_id\":\"b\",\"$user_id\":\"c\","
        "\"$initial_referrer\":\"d\",\"$initial_referring_domain\":\"e\","
        "\"$search_engine\":\"f\",\"mp_keyword\":\"g\",\"utm_source\":\"h\","
        "\"utm_medium\":\"i\",\"utm_campaign\":\"j\",\"utm_content\":\"k\","
        "\"utm_term\":\"l\",\"utm_id\":\"m\",\"utm_source_platform\":\"n\","
        "\"utm_campaign_id\":\"o\",\"utm_creative_format\":\"p\","
        "\"utm_marketing_tactic\":\"q\",\"utm_other\":\"r\"}"),
      "distinct_id=a|$device_id=b|$user_id=c|$initial_referrer=d|"
      "$initial_referring_domain=e|$search_engine=f|mp_keyword=g|"
      "utm_source=h|utm_medium=i|utm_campaign=j|utm_content=k|utm_term=l|"
      "utm_id=m|utm_source_platform=n|utm_campaign_id=o|"
      "utm_creative_format=p|utm_marketing_tactic=q|" },
    { "known only outermost",
      S("{\"a\":{\"distinct_id\":\"Y\"},\"b\":[{\"$user_id\":\"Z\"}]}"), "" },
    { "a known key twice", S(WITH(",\"distinct_id\":\"Y\"")), NULL },
    { "a known key twice, the same", S(WITH(",\"distinct_id\":\"X\"")), NULL },
    { "a known key twice, null first",
      S("{\"distinct_id\":null,\"distinct_id\":\"X\"}"), NULL },
    { "once outermost and once within", S(WITH(",\"a\":{\"distinct_id\":1}")),
      "distinct_id=X|" },

    /* values of known keys */

    { "a number", S("{\"$user_id\":42}"), "$user_id=42|" },
    { "a number is as it is spelled", S("{\"$user_id\":-1.50E+3 }"),
      "$user_id=-1.50E+3|" },
    { "zero", S("{\"$user_id\":0}"), "$user_id=0|" },
    { "a large number", S("{\"$user_id\":123456789012345678901234567890}"),
      "$user_id=123456789012345678901234567890|" },
    { "an empty string", S("{\"$user_id\":\"\",\"utm_id\":\"x\"}"),
      "utm_id=x|" },
    { "null", S("{\"utm_source\":null}"), "" },
    { "true and false", S("{\"distinct_id\":true,\"$user_id\":false}"), "" },
    { "an object", S("{\"distinct_id\":{\"a\":\"b\"},\"$user_id\":\"c\"}"),
      "$user_id=c|" },
    { "an array", S("{\"distinct_id\":[\"a\"],\"$user_id\":\"c\"}"),
      "$user_id=c|" },

    /* JSON */

    { "no member", S("{}"), "" },
    { "white space", S(" \t\r\n{ \"distinct_id\" :\n\"X\"\t, \"a\" : [ 1 ,"
                       " 2 ] , \"b\" : { } , \"c\" : [ ] } %20%09%0A%0D"),
      "distinct_id=X|" },
    { "words and numbers",
      S(WITH(",\"a\":[true,false,null,0,-0,1.25,1e5,1E-5,10]")),
      "distinct_id=X|" },
    { "nothing", S(""), NULL },
    { "only white space", S("   "), NULL },
    { "an array", S("[" WITH("") "]"), NULL },
    { "a string", S("%22%7B%7D%22"), NULL },
    { "a number", S("5"), NULL },
    { "null", S("null"), NULL },
    { "no JSON", S("undefined"), NULL },
    { "something behind it", S(WITH("") "x"), NULL },
    { "another behind it", S(WITH("") WITH("")), NULL },
    { "a NUL behind it", S(WITH("") "%00"), NULL },
    { "a semicolon behind it", S(WITH("") ";"), NULL },
    { "quotes around it", S("\"" WITH("") "\""), NULL },
    { "something before it", S("x" WITH("")), NULL },
    { "a comma at its end", S(WITH(",")), NULL },
    { "a comma at its beginning", S("{,\"distinct_id\":\"X\"}"), NULL },
    { "two commas", S(WITH(",,\"a\":1")), NULL },
    { "no comma", S(WITH("\"a\":1")), NULL },
    { "no colon", S(WITH(",\"a\" 1")), NULL },
    { "two colons", S(WITH(",\"a\"::1")), NULL },
    { "no value", S(WITH(",\"a\":")), NULL },
    { "no key", S(WITH(",:1")), NULL },
    { "a key that is no string", S(WITH(",1:1")), NULL },
    { "a key without quotes", S("{distinct_id:\"X\"}"), NULL },
    { "no brace at its end", S("{\"distinct_id\":\"X\""), NULL },
    { "a bracket at its end", S("{\"distinct_id\":\"X\"]"), NULL },
    { "a brace for a bracket", S(WITH(",\"a\":[1}")), NULL },
    { "a comma at an array's end", S(WITH(",\"a\":[1,]")), NULL },
    { "a comma in an array", S(WITH(",\"a\":[,]")), NULL },
    { "an array without an end", S(WITH(",\"a\":[1")), NULL },
    { "a word that is cut", S(WITH(",\"a\":tru")), NULL },
    { "a word and more", S(WITH(",\"a\":nullx")), NULL },
    { "a word in capitals", S(WITH(",\"a\":True")), NULL },
    { "NaN", S(WITH(",\"a\":NaN")), NULL },
    { "a leading zero", S(WITH(",\"a\":01")), NULL },
    { "a leading plus", S(WITH(",\"a\":+1")), NULL },
    { "a leading point", S(WITH(",\"a\":.5")), NULL },
    { "a point at its end", S(WITH(",\"a\":1.")), NULL },
    { "a minus alone", S(WITH(",\"a\":-")), NULL },
    { "an empty exponent", S(WITH(",\"a\":1e")), NULL },
    { "an exponent's sign alone", S(WITH(",\"a\":1e+")), NULL },
    { "hexadecimal", S(WITH(",\"a\":0x10")), NULL },
    { "a comment", S(WITH("/**/")), NULL },
    { "a tab of another kind", S(WITH(",%0B\"a\":1")), NULL },

    /* nesting, the outermost object being a level */

    { "arrays, deep",
      S(WITH(",\"a\":" NEST15("[") NEST15("]"))), "distinct_id=X|" },
    { "arrays, too deep",
      S(WITH(",\"a\":[" NEST15("[") NEST15("]") "]")), NULL },
    { "objects, deep",
      S(WITH(",\"a\":" NEST15("{\"a\":") "1" NEST15("}"))),
      "distinct_id=X|" },
    { "objects, too deep",
      S(WITH(",\"a\":{\"a\":" NEST15("{\"a\":") "1" NEST15("}") "}")), NULL },
};


static void *
copy(const void *s, size_t n)
{
    void  *p;

    p = malloc(n ? n : 1);

    if (n) {
        memcpy(p, s, n);
    }

    return p;
}


/* the values as "name=value|..." in the order of their keys */

static size_t
told(const mxt_cookie_t *c, char *buf)
{
    char      *p;
    unsigned   i;

    p = buf;

    for (i = 0; i < MXT_COOKIE_KEYS; i++) {

        if (c->value[i].len == 0) {
            continue;
        }

        memcpy(p, mxt_cookie_names[i].data, mxt_cookie_names[i].len);
        p += mxt_cookie_names[i].len;
        *p++ = '=';

        memcpy(p, c->value[i].data, c->value[i].len);
        p += c->value[i].len;
        *p++ = '|';
    }

    return (size_t) (p - buf);
}


/* 0 with what it tells in buf, or -1 */

static int
parse(const char *s, size_t len, char *buf, size_t *n)
{
    int             rc;
    void           *text;
    mxt_cookie_t    c;
    unsigned char  *scratch;

    text = copy(s, len);
    scratch = copy(s, len);

    memset(&c, 0xff, sizeof(c));

    rc = mxt_cookie_parse(&c, text, len, scratch);
    *n = told(&c, buf);

    free(text);
    free(scratch);

    return rc;
}


static void
test_values(const char *what, const test_value_t *v, size_t count)
{
    int     rc;
    char    buf[2 * MXT_COOKIE_MAX];
    size_t  i, n;

    for (i = 0; i < count; i++) {

        rc = parse(v[i].text, v[i].len, buf, &n);

        if (v[i].want == NULL) {
            tap_ok(rc == -1 && n == 0, "no cookie: %s", v[i].name);

        } else if (rc != 0) {
            tap_ok(0, "%s: %s", what, v[i].name);

        } else {
            tap_is_str(buf, n, v[i].want, v[i].name);
        }
    }
}


/* cut anywhere, none is taken; the sanitizers see a byte too far */

static void
test_cuts(const test_value_t *v, size_t count, const char *what)
{
    char      buf[2 * MXT_COOKIE_MAX];
    size_t    i, n, len, end;
    unsigned  taken;

    taken = 0;

    for (i = 0; i < count; i++) {

        if (v[i].want == NULL) {
            continue;
        }

        /* without the white space behind some of them */

        for (end = v[i].len; v[i].text[end - 1] != '}'
                             && memcmp(v[i].text + end - 3, "%7D", 3)
                             && memcmp(v[i].text + end - 3, "%7d", 3); end--)
        {
            /* void */
        }

        for (len = 0; len < end; len++) {

            if (parse(v[i].text, len, buf, &n) != -1 || n) {
                tap_diag("%s: taken with %zu bytes", v[i].name, len);
                taken++;
            }
        }
    }

    tap_is_u64(taken, 0, what);
}


static void
test_size(void)
{
    char    *s, buf[2 * MXT_COOKIE_MAX];
    size_t   n;

    /* {"distinct_id":"aaa...a"} */

    s = malloc(MXT_COOKIE_MAX + 1);
    memset(s, 'a', MXT_COOKIE_MAX + 1);
    memcpy(s, "{\"distinct_id\":\"", 16);

    memcpy(s + MXT_COOKIE_MAX - 2, "\"}", 2);

    tap_ok(parse(s, MXT_COOKIE_MAX, buf, &n) == 0
           && n == 12 + MXT_COOKIE_MAX - 18 + 1, "4096 bytes are read");

    memcpy(s + MXT_COOKIE_MAX - 2, "a\"}", 3);

    tap_ok(parse(s, MXT_COOKIE_MAX + 1, buf, &n) == -1 && n == 0,
           "4097 bytes are not");

    /* the stack has a bound of its own */

    memset(s, '[', MXT_COOKIE_MAX);
    memcpy(s, "{\"a\":", 5);

    tap_ok(parse(s, MXT_COOKIE_MAX, buf, &n) == -1 && n == 0,
           "nothing but brackets");

    free(s);
}


/* which bytes may stand for themselves, wherever in a string they are */

static void
test_bytes(void)
{
    int       rc;
    char      s[64], buf[128];
    size_t    i, n;
    unsigned  ch, wrong;

    wrong = 0;

    for (i = 0; i < 40; i++) {

        memcpy(s, "{\"distinct_id\":\"", 16);
        memset(s + 16, 'a', 40);
        memcpy(s + 56, "\"}", 2);

        for (ch = 0; ch < 256; ch++) {

            s[16 + i] = (char) ch;

            rc = parse(s, 58, buf, &n);

            if (ch < ' ' || ch == '"' || ch == '%' || ch == '\\'
                || ch >= 0x80)
            {
                wrong += rc != -1 || n;

            } else {
                wrong += rc != 0 || n != 53 || memcmp(buf + 12, s + 16, 40);
            }
        }
    }

    tap_is_u64(wrong, 0, "each byte at each place of a string");
}


static void
test_nothing(void)
{
    size_t            from;
    mxt_cookie_t      c;
    mxt_cookie_str_t  value;

    from = 0;

    tap_ok(mxt_cookie_parse(&c, NULL, 0, NULL) == -1
           && c.value[0].len == 0, "no value");
    tap_ok(mxt_cookie_find(NULL, 0, &from, "a", 1, &value) == 0, "no line");
    tap_ok(mxt_cookie_opt(NULL, 0) == MXT_COOKIE_OPT_NONE, "no opt");
    tap_ok(mxt_cookie_objects(NULL, 0) == 0, "no DNT");
    tap_ok(mxt_uuid_valid(NULL, 0) == 0, "no UUID");
}


/* all cookies of a name in a line, each in brackets */

static void
test_find(void)
{
    char              *line, *name, buf[256];
    size_t             i, n, from;
    mxt_cookie_str_t   value;

    static const struct {
        const char  *line;
        const char  *name;
        const char  *want;
    } find[] = {

        { "a=1", "a", "[1]" },
        { "a=1; b=2; c=3", "a", "[1]" },
        { "a=1; b=2; c=3", "b", "[2]" },
        { "a=1; b=2; c=3", "c", "[3]" },
        { "a=1; b=2; c=3", "d", "" },
        { "a=1;b=2", "b", "[2]" },
        { "   a=1;    b=2", "b", "[2]" },
        { "  a=1", "a", "[1]" },
        { "a=1; a=2; b=3; a=4", "a", "[1][2][4]" },

        /* neither a part of a name nor of a value */

        { "ab=1", "a", "" },
        { "ba=1", "a", "" },
        { "ab=1; a=2", "a", "[2]" },
        { "a=1", "ab", "" },
        { "b=a=1", "a", "" },
        { "b=\"; a=1", "a", "[1]" },
        { "b= a=1", "a", "" },
        { "A=1", "a", "" },
        { "mp_x_mixpanel=1", "mp_._mixpanel", "" },
        { "mp_x=1; mp_.*=2", "mp_.*", "[2]" },
        { "m[a]+(b)?=1", "m[a]+(b)?", "[1]" },
        { "$a^=1", "$a^", "[1]" },
        { "a\\=1", "a\\", "[1]" },
        { "__mp_opt_in_out_T=0; __mp_opt_in_out_T2=1", "__mp_opt_in_out_T2",
          "[1]" },

        /* the first "=" is the name's unless the name has one */

        { "a=b=c", "a", "[b=c]" },
        { "a=b=c", "a=b", "[c]" },
        { "a==", "a", "[=]" },
        { "a=a=1", "a", "[a=1]" },

        /* values, as they were sent */

        { "a=", "a", "[]" },
        { "a=; b=1", "a", "[]" },
        { "a=\"1\"; b=2", "a", "[\"1\"]" },
        { "a=\"1;2\"", "a", "[\"1]" },
        { "a= 1 ; b=2", "a", "[ 1 ]" },
        { "a=1,a=2", "a", "[1,a=2]" },
        { "a=%7B%22", "a", "[%7B%22]" },
        { "a=\x80\xff", "a", "[\x80\xff]" },

        /* no cookie */

        { "a", "a", "" },
        { "a; b=1", "a", "" },
        { "a =1", "a", "" },
        { "\ta=1", "a", "" },
        { ";;; ;a=1;;", "a", "[1]" },
        { ";", "a", "" },
        { "; ", "a", "" },
        { " ", "a", "" },
        { "=1", "a", "" },
        { "a; =1", "a", "" },
    };

    for (i = 0; i < countof(find); i++) {

        line = copy(find[i].line, strlen(find[i].line));
        name = copy(find[i].name, strlen(find[i].name));

        from = 0;
        n = 0;

        while (mxt_cookie_find(line, strlen(find[i].line), &from, name,
                               strlen(find[i].name), &value))
        {
            buf[n++] = '[';
            memcpy(buf + n, value.data, value.len);
            n += value.len;
            buf[n++] = ']';
        }

        buf[n] = '\0';

        tap_ok(strcmp(buf, find[i].want) == 0
               && from == strlen(find[i].line),
               "\"%s\" in \"%s\"", find[i].name, find[i].line);

        free(line);
        free(name);
    }
}


static void
test_consent(void)
{
    char             *s;
    size_t            i;
    mxt_cookie_str_t  opt, legacy;

    static const struct {
        const char        *value;
        mxt_cookie_opt_e   want;
    } opts[] = {
        { "0", MXT_COOKIE_OPT_OUT },
        { "1", MXT_COOKIE_OPT_IN },
        { "%30", MXT_COOKIE_OPT_OUT },
        { "%31", MXT_COOKIE_OPT_IN },
        { "2", MXT_COOKIE_OPT_NONE },
        { "00", MXT_COOKIE_OPT_NONE },
        { "10", MXT_COOKIE_OPT_NONE },
        { " 0", MXT_COOKIE_OPT_NONE },
        { "\"0\"", MXT_COOKIE_OPT_NONE },
        { "true", MXT_COOKIE_OPT_NONE },
        { "%3", MXT_COOKIE_OPT_NONE },
        { "%", MXT_COOKIE_OPT_NONE },
        { "%32", MXT_COOKIE_OPT_NONE },
        { "%40", MXT_COOKIE_OPT_NONE },
    };

    static const struct {
        const char        *opt;
        const char        *legacy;
        int                want;
    } out[] = {
        { "", "", 0 },
        { "0", "", 1 },
        { "1", "", 0 },
        { "x", "", 0 },
        { "", "1", 1 },
        { "", "0", 1 },
        { "", "false", 1 },
        { "x", "1", 1 },
        { "1", "1", 0 },
        { "0", "1", 1 },
    };

    static const struct {
        const char        *value;
        int                want;
    } header[] = {
        { "1", 1 },
        { "0", 0 },
        { "null", 0 },
        { "unspecified", 0 },
        { "11", 0 },
        { "1, 1", 0 },
        { " 1", 0 },
        { "?1", 0 },
        { "yes", 0 },
    };

    for (i = 0; i < countof(opts); i++) {

        s = copy(opts[i].value, strlen(opts[i].value));

        tap_ok(mxt_cookie_opt(s, strlen(opts[i].value)) == opts[i].want,
               "__mp_opt_in_out_: \"%s\"", opts[i].value);

        free(s);
    }

    for (i = 0; i < countof(out); i++) {

        opt.data = (const unsigned char *) out[i].opt;
        opt.len = strlen(out[i].opt);
        legacy.data = (const unsigned char *) out[i].legacy;
        legacy.len = strlen(out[i].legacy);

        tap_ok(mxt_cookie_opted_out(&opt, &legacy) == out[i].want,
               "__mp_opt_in_out_ \"%s\" and mp_optout \"%s\"", out[i].opt,
               out[i].legacy);
    }

    for (i = 0; i < countof(header); i++) {

        s = copy(header[i].value, strlen(header[i].value));

        tap_ok(mxt_cookie_objects(s, strlen(header[i].value))
               == header[i].want, "DNT: \"%s\"", header[i].value);

        free(s);
    }
}


static void
test_uuid(void)
{
    int             want;
    char           *s;
    size_t          i, n;
    unsigned        ch, wrong;
    unsigned char   random[16], uuid[MXT_UUID_LEN], was;

    memset(random, 0, 16);
    mxt_uuid_format(uuid, random);
    tap_is_str(uuid, 36, "00000000-0000-4000-8000-000000000000", "zeros");

    memset(random, 0xff, 16);
    mxt_uuid_format(uuid, random);
    tap_is_str(uuid, 36, "ffffffff-ffff-4fff-bfff-ffffffffffff", "ones");

    for (i = 0; i < 16; i++) {
        random[i] = (unsigned char) (0x11 * i + 0x0f);
    }

    mxt_uuid_format(uuid, random);
    tap_is_str(uuid, 36, "0f203142-5364-4586-97a8-b9cadbecfd0e",
               "each byte in its place");
    wrong = 0;

    for (i = 0; i < MXT_UUID_LEN; i++) {

        was = uuid[i];

        for (ch = 0; ch < 256; ch++) {

            uuid[i] = (unsigned char) ch;

            if (i == 8 || i == 13 || i == 18 || i == 23) {
                want = ch == '-';

            } else if (i == 14) {
                want = ch == '4';

            } else {
                want = ch && strchr(i == 19 ? "89ab" : "0123456789abcdef",
                                    (int) ch);
            }

            if (mxt_uuid_valid(uuid, MXT_UUID_LEN) != want) {
                tap_diag("byte %zu is %02x", i, ch);
                wrong++;
            }
        }

        uuid[i] = was;
    }

    tap_is_u64(wrong, 0, "valid with any one byte changed");

    wrong = 0;

    for (n = 0; n <= 40; n++) {
        s = copy(UUID "0000", n);
        wrong += mxt_uuid_valid(s, n) != (n == 36);
        free(s);
    }

    tap_is_u64(wrong, 0, "valid with 36 characters only");
}


int
main(void)
{
    test_values("of the SDK", sdk, countof(sdk));
    test_values("by hand", values, countof(values));
    test_cuts(sdk, countof(sdk), "one of the SDK's that is cut is none");
    test_cuts(values, countof(values), "one that is cut is none");
    test_size();
    test_bytes();
    test_nothing();
    test_find();
    test_consent();
    test_uuid();

    return tap_done();
}
