/* link: src/core/mxt_agent_scan.c src/core/mxt_agent_hints.c */

/*
 * Who sent a request: the SDK's values for real user agents, at any place
 * in memory and cut anywhere; what client hints add; the list of clients.
 *
 * The expectations, but for BOT and HUMAN, are what mixpanel-browser 2.83.0
 * itself says for the user agent, with the navigator.vendor and window.opera
 * of that browser.
 */


#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../src/core/mxt_agent.c"
#include "../../src/core/mxt_agent_odd.c"
#include "../../src/core/mxt_agent_memo.c"


enum {
    HUMAN = 0,
    BOT,
    BLOCKED                 /* a bot by the SDK's list */
};


typedef struct {
    const char  *ua;
    const char  *browser;
    const char  *version;
    const char  *os;
    const char  *device;
    unsigned     kind;
} client_t;


typedef struct {
    const char  *name;
    const char  *ua;
    const char  *brands;
    const char  *versions;
    const char  *platform;

    const char  *browser;
    const char  *version;
    const char  *os;
    const char  *device;
    unsigned     bot;
} hint_t;


static const client_t  clients[] = {

    /* Chrome and what is built on it */

    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
      "Chrome", "120", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
      "Safari/537.36",
      "Chrome", "131", "Mac OS X", "", HUMAN },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/118.0.0.0 Safari/537.36",
      "Chrome", "118", "Linux", "", HUMAN },
    { "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
      "Chrome", "120", "Chrome OS", "", HUMAN },
    { "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
      "Chrome", "120", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/120.0.0.0 Safari/537.36",
      "Chrome", "120", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/112.0.5615.136 Mobile Safari/537.36",
      "Chrome", "112", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ2A.230505.002; "
      "wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
      "Chrome/112.0.5615.136 Mobile Safari/537.36",
      "Chrome", "112", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.1 (KHTML, "
      "like Gecko) Chrome/21.0.1180.89 Safari/537.1",
      "Chrome", "21", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US) "
      "AppleWebKit/525.13 (KHTML, like Gecko) Chrome/0.2.149.27 "
      "Safari/525.13",
      "Chrome", "0.2", "Windows", "", HUMAN },
    { "Mozilla/5.0 (X11; Ubuntu; Linux x86_64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Ubuntu Chromium/80.0.3987.87 "
      "Chrome/80.0.3987.87 Safari/537.36",
      "Chrome", "80", "Linux", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/116.0.0.0 Safari/537.36 "
      "Vivaldi/6.2.3105.47",
      "Chrome", "116", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/118.0.5993.731 YaBrowser/23.11.0 "
      "Safari/537.36",
      "Chrome", "118", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0.4103.101 "
      "Mobile Safari/537.36",
      "Chrome", "83", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 "
      "Mobile Safari/537.36",
      "Chrome", "96", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 7.1.2; AFTMM) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Silk/120.2.1 like Chrome/120.0.6099.43 "
      "Safari/537.36",
      "Chrome", "120", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Slack/4.35.131 Chrome/118.0.5993.159 "
      "Electron/27.2.0 Safari/537.36",
      "Chrome", "118", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Linux; Android 12; SM-A525F "
      "Build/SP1A.210812.016; wv) AppleWebKit/537.36 (KHTML, like "
      "Gecko) Version/4.0 Chrome/110.0.5481.153 Mobile Safari/537.36 "
      "DuckDuckGo/5",
      "Chrome", "110", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) konqueror/5.0.97 Chrome/77.0.3865.129 "
      "Safari/537.36",
      "Chrome", "77", "Linux", "", HUMAN },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) QtWebEngine/5.15.2 Chrome/83.0.4103.122 "
      "Safari/537.36",
      "Chrome", "83", "Linux", "", HUMAN },

    /* Chrome on iOS; with "Request Desktop Site" */

    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 "
      "Mobile/15E148 Safari/604.1",
      "Chrome iOS", "120", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/116.0.5845.90 "
      "Mobile/15E148 Safari/604.1",
      "Chrome iOS", "116", "iOS", "iPad", HUMAN },
    { "Mozilla/5.0 (iPod; CPU iPhone OS 15_7 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/114.0.5735.124 "
      "Mobile/15E148 Safari/604.1",
      "Chrome iOS", "114", "iOS", "iPod Touch", HUMAN },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120 "
      "Version/11.1.1 Safari/605.1.15",
      "Chrome iOS", "120", "Mac OS X", "", HUMAN },

    /* Safari; the second is also what an iPad sends */

    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 "
      "Mobile/15E148 Safari/604.1",
      "Mobile Safari", "17.2", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 "
      "Safari/605.1.15",
      "Safari", "17.2", "Mac OS X", "", HUMAN },
    { "Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 "
      "Mobile/15E148 Safari/604.1",
      "Mobile Safari", "12.1", "iOS", "iPad", HUMAN },
    { "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
      "Mobile/15E148 Safari/604.1",
      "Mobile Safari", "17", "iOS", "iPad", HUMAN },
    { "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_0 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.0 "
      "Mobile/15E148 Safari/604.1",
      "Mobile Safari", "12", "iOS", "iPod Touch", HUMAN },
    { "Mozilla/5.0 (iPhone; U; CPU iPhone OS 4_3_3 like Mac OS X; "
      "en-us) AppleWebKit/533.17.9 (KHTML, like Gecko) Version/5.0.2 "
      "Mobile/8J2 Safari/6533.18.5",
      "Mobile Safari", "5", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; U; CPU like Mac OS X; en) "
      "AppleWebKit/420+ (KHTML, like Gecko) Version/3.0 Mobile/1A543a "
      "Safari/419.3",
      "Mobile Safari", "3", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (Windows; U; Windows NT 6.1; en-US) "
      "AppleWebKit/533.20.25 (KHTML, like Gecko) Version/5.0.4 "
      "Safari/533.20.27",
      "Safari", "5", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Macintosh; U; PPC Mac OS X; en) AppleWebKit/125.2 "
      "(KHTML, like Gecko) Safari/125.8",
      "Safari", "", "Mac OS X", "", HUMAN },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 "
      "Safari/605.1.15",
      "Safari", "26", "Mac OS X", "", HUMAN },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, "
      "like Gecko) Version/16.0 Safari/605.1.15 Epiphany/605.1.15",
      "Safari", "16", "Linux", "", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko)",
      "Safari", "", "Mac OS X", "", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
      "Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
      "Mobile Safari", "17", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/267.0.537056344 "
      "Mobile/15E148 Safari/604.1",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
      "Mobile/15E148 Safari/604.1 (Ecosia ios@10.1.0.1631)",
      "Mobile Safari", "17.1", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 14_4 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.0 "
      "Brave/1.30 Mobile/15E148 Safari/604.1",
      "Mobile Safari", "14", "iOS", "iPhone", HUMAN },

    /* Edge: old and new; on Android and iOS the SDK does not see it */

    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 "
      "Edg/120.0.0.0",
      "Microsoft Edge", "120", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 "
      "Safari/537.36 Edg/119.0.2151.97",
      "Microsoft Edge", "119", "Mac OS X", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/70.0.3538.102 Safari/537.36 "
      "Edge/18.19042",
      "Microsoft Edge", "18.19042", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like "
      "Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.10240",
      "Microsoft Edge", "12.1024", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; "
      "Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063",
      "Microsoft Edge", "15.15063", "Windows Phone", "Windows Phone", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.3538.102 "
      "Safari/537.36 Edge/44.18363.8131",
      "Microsoft Edge", "44.18363", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/120.0.6099.43 Mobile Safari/537.36 "
      "EdgA/119.0.2151.92",
      "Chrome", "120", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
      "EdgiOS/119.0.2151.105 Mobile/15E148 Safari/605.1.15",
      "Mobile Safari", "17", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPad; CPU OS 16_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 "
      "EdgiOS/118.0.2088.81 Mobile/15E148 Safari/605.1.15",
      "Mobile Safari", "16", "iOS", "iPad", HUMAN },

    /* Firefox; on Android it is "Android Mobile" to the SDK */

    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) "
      "Gecko/20100101 Firefox/121.0",
      "Firefox", "121", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:109.0) "
      "Gecko/20100101 Firefox/119.0",
      "Firefox", "119", "Mac OS X", "", HUMAN },
    { "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 "
      "Firefox/102.0",
      "Firefox", "102", "Linux", "", HUMAN },
    { "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:15.0) "
      "Gecko/20100101 Firefox/15.0.1",
      "Firefox", "15", "Linux", "", HUMAN },
    { "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9.2.28) "
      "Gecko/20120306 Firefox/3.6.28",
      "Firefox", "3.6", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Android 13; Mobile; rv:121.0) Gecko/121.0 "
      "Firefox/121.0",
      "Android Mobile", "", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Android 11; Tablet; rv:91.0) Gecko/91.0 "
      "Firefox/91.0",
      "Android Mobile", "", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Mobile; rv:26.0) Gecko/26.0 Firefox/26.0",
      "Firefox", "26", "", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; rv:115.0) Gecko/20100101 "
      "Firefox/115.0",
      "Firefox", "115", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Mobile; Nokia_2720_Flip; rv:48.0) Gecko/48.0 "
      "Firefox/48.0 KAIOS/2.5.2.2",
      "Firefox", "48", "", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:68.0) "
      "Gecko/20100101 Goanna/4.8 Firefox/68.0 PaleMoon/29.4.0",
      "Firefox", "68", "Windows", "", HUMAN },
    { "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 "
      "Firefox/60.0 SeaMonkey/2.53.16",
      "Firefox", "60", "Linux", "", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/121.0 "
      "Mobile/15E148 Safari/605.1.15",
      "Firefox iOS", "121", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPad; CPU OS 13_2 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/20.2 "
      "Mobile/15E148 Safari/605.1.15",
      "Firefox iOS", "20.2", "iOS", "iPad", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 13_3 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/8.1.1 "
      "Focus/8.1.1 Mobile/15E148",
      "Firefox iOS", "8.1", "iOS", "iPhone", HUMAN },

    /* Samsung, Whale, UC */

    { "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S911B) "
      "AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 "
      "Chrome/115.0.0.0 Mobile Safari/537.36",
      "Samsung Internet", "23", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 10; SAMSUNG SM-T510) "
      "AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/14.2 "
      "Chrome/87.0.4280.141 Safari/537.36",
      "Samsung Internet", "14.2", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 9; SAMSUNG SM-G960U "
      "Build/PPR1.180610.011) AppleWebKit/537.36 (KHTML, like Gecko) "
      "SamsungBrowser/9.4 Chrome/67.0.3396.87 Mobile Safari/537.36",
      "Samsung Internet", "9.4", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 "
      "(KHTML, like Gecko) SamsungBrowser/2.2 Chrome/63.0.3239.84 TV "
      "Safari/537.36",
      "Samsung Internet", "2.2", "Linux", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/118.0.0.0 Whale/3.24.223.18 "
      "Safari/537.36",
      "Whale Browser", "3.24", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Linux; Android 13; SM-S908N) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/112.0.5615.135 Whale/1.0.0.0 "
      "Crosswalk/27.112.0.10 Mobile Safari/537.36",
      "Whale Browser", "1", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; U; Android 10; en-US; RMX2020 "
      "Build/QP1A.190711.020) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Version/4.0 Chrome/78.0.3904.108 UCBrowser/13.4.0.1306 Mobile "
      "Safari/537.36",
      "Chrome", "78", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; U; Android 4.4.4; en-US; XT1022 "
      "Build/KXC21.5-40) AppleWebKit/534.30 (KHTML, like Gecko) "
      "Version/4.0 UCBrowser/10.7.0.636 U3/0.8.0 Mobile Safari/534.30",
      "UC Browser", "10.7", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 12_1 like Mac OS X; zh-CN) "
      "AppleWebKit/537.51.1 (KHTML, like Gecko) Mobile/16B92 "
      "UCBrowser/12.1.7.1109 Mobile AliApp(TUnionSDK/0.1.20)",
      "UC Browser", "12.1", "iOS", "iPhone", HUMAN },
    { "UCWEB/2.0 (Java; U; MIDP-2.0; Nokia203/20.37) U2/1.0.0 "
      "UCBrowser/8.7.0.218 U2/1.0.0 Mobile",
      "UC Browser", "2", "", "", HUMAN },
    { "Nokia5130c-2/2.0 (07.97) Profile/MIDP-2.1 "
      "Configuration/CLDC-1.1 UCWEB/2.0 (Java; U; MIDP-2.0; en-US; "
      "nokia5130c-2) U2/1.0.0 UCBrowser/9.4.1.377 U2/1.0.0 Mobile",
      "UC Browser", "2", "", "", HUMAN },

    /* Opera: Presto, Chromium, Mini; on iOS the SDK does not see it */

    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 "
      "OPR/106.0.0.0",
      "Opera", "106", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Linux; Android 10; VOG-L29) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Chrome/118.0.0.0 Mobile Safari/537.36 "
      "OPR/76.2.4027.73374",
      "Opera", "76.2", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; U; Android 11; SM-A107F "
      "Build/RP1A.200720.012; wv) AppleWebKit/537.36 (KHTML, like "
      "Gecko) Version/4.0 Chrome/119.0.6045.66 Mobile Safari/537.36 "
      "OPR/74.0.2254.67000",
      "Opera", "74", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; Android 9; Redmi Note 8 Mini) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/100.0.4896.127 "
      "Mobile Safari/537.36 OPR/69.3.3606.65458",
      "Opera Mini", "", "Android", "Android", HUMAN },
    { "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 "
      "Version/12.18",
      "Opera", "9.8", "Windows", "", HUMAN },
    { "Opera/9.80 (X11; Linux x86_64; U; en) Presto/2.9.168 "
      "Version/11.50",
      "Opera", "9.8", "Linux", "", HUMAN },
    { "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) "
      "Presto/2.12.423 Version/12.16",
      "Opera Mini", "", "Android", "Android", HUMAN },
    { "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) "
      "Presto/2.8.119 Version/11.10",
      "Opera Mini", "", "", "", HUMAN },
    { "Opera/9.80 (Android 4.1.2; Linux; Opera Mobi/ADR-1305251841) "
      "Presto/2.11.355 Version/12.10",
      "Opera", "9.8", "Android", "Android", HUMAN },
    { "Opera/9.80 (iPhone; Opera Mini/8.0.0/34.2336; U; en) "
      "Presto/2.8.119 Version/11.10",
      "Opera Mini", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.0; en) Opera "
      "11.00",
      "Opera", "", "Windows", "", HUMAN },
    { "Mozilla/5.0 (Windows NT 5.1; U; en; rv:1.8.1) Gecko/20061208 "
      "Firefox/2.0.0 Opera 9.50",
      "Opera", "", "Windows", "", HUMAN },
    { "Opera/9.30 (Nintendo Wii; U; ; 3642; en)",
      "Opera", "9.3", "", "", HUMAN },
    { "Opera/9.80 (Linux armv7l; Opera TV Store/5581) Presto/2.12.362 "
      "Version/12.11",
      "Opera", "9.8", "Linux", "", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) OPiOS/16.0.15.124050 "
      "Mobile/16G77 Safari/9537.53",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
      "Mobile/15E148 Safari/604.1 OPT/4.3.1",
      "Mobile Safari", "17", "iOS", "iPhone", HUMAN },

    /* Internet Explorer */

    { "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) "
      "like Gecko",
      "Internet Explorer", "11", "Windows", "", HUMAN },
    { "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; "
      "Trident/6.0)",
      "Internet Explorer", "10", "Windows", "", HUMAN },
    { "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; "
      "Trident/5.0)",
      "Internet Explorer", "9", "Windows", "", HUMAN },
    { "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1; .NET "
      "CLR 2.0.50727)",
      "Internet Explorer", "6", "Windows", "", HUMAN },
    { "Mozilla/4.0 (compatible; MSIE 5.5; Windows 98)",
      "Internet Explorer", "5.5", "Windows", "", HUMAN },
    { "Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; "
      "Trident/6.0; IEMobile/10.0; ARM; Touch; NOKIA; Lumia 920)",
      "Internet Explorer Mobile", "",
      "Windows Phone", "Windows Phone", HUMAN },
    { "Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; "
      "Trident/7.0; Touch; rv:11.0; IEMobile/11.0; NOKIA; Lumia 520) "
      "like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, like "
      "Gecko) Mobile Safari/537",
      "Internet Explorer Mobile", "11",
      "Windows Phone", "Windows Phone", HUMAN },
    { "Mozilla/5.0 (Windows NT 6.2; ARM; Trident/7.0; Touch; rv:11.0; "
      "WPDesktop; Lumia 1520) like Gecko",
      "Internet Explorer Mobile", "11",
      "Windows Phone", "Windows Phone", HUMAN },
    { "Mozilla/4.0 (compatible; MSIE 7.0; Windows Phone OS 7.0; "
      "Trident/3.1; IEMobile/7.0; LG; GW910)",
      "Internet Explorer Mobile", "",
      "Windows Phone", "Windows Phone", HUMAN },
    { "Mozilla/4.0 (compatible; MSIE 6.0; Windows CE; IEMobile 7.11)",
      "Internet Explorer Mobile", "", "Windows", "", HUMAN },

    /* BlackBerry */

    { "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like "
      "Gecko) Version/10.0.9.2372 Mobile Safari/537.10+",
      "BlackBerry", "", "BlackBerry", "BlackBerry", HUMAN },
    { "Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0; en-US) "
      "AppleWebKit/536.2+ (KHTML, like Gecko) Version/7.2.1.0 "
      "Safari/536.2+",
      "BlackBerry", "", "BlackBerry", "BlackBerry", HUMAN },
    { "Mozilla/5.0 (BlackBerry; U; BlackBerry 9900; en) "
      "AppleWebKit/534.11+ (KHTML, like Gecko) Version/7.1.0.346 "
      "Mobile Safari/534.11+",
      "BlackBerry", "9900", "BlackBerry", "BlackBerry", HUMAN },
    { "BlackBerry9700/5.0.0.862 Profile/MIDP-2.1 "
      "Configuration/CLDC-1.1 VendorID/120",
      "BlackBerry", "", "BlackBerry", "BlackBerry", HUMAN },
    { "Mozilla/5.0 (Linux; Android 8.1.0; BlackBerry KEY2) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.104 "
      "Mobile Safari/537.36",
      "BlackBerry", "", "Android", "BlackBerry", HUMAN },

    /* Android's own, and other engines */

    { "Mozilla/5.0 (Linux; U; Android 4.0.3; ko-kr; LG-L160L "
      "Build/IML74K) AppleWebKit/534.30 (KHTML, like Gecko) "
      "Version/4.0 Mobile Safari/534.30",
      "Android Mobile", "", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; U; Android 2.2; en-us; Nexus One "
      "Build/FRF91) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 "
      "Mobile Safari/533.1",
      "Android Mobile", "", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (Linux; U; en-us; KFOT Build/IML74K) "
      "AppleWebKit/535.19 (KHTML, like Gecko) Silk/2.1 Mobile "
      "Safari/535.19 Silk-Accelerated=true like Android",
      "Android Mobile", "", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (compatible; Konqueror/4.5; Linux) KHTML/4.5.4 "
      "(like Gecko)",
      "Konqueror", "", "Linux", "", HUMAN },
    { "Mozilla/5.0 (compatible; Konqueror/3.5; Linux; X11; i686; "
      "en_US) KHTML/3.5.6 (like Gecko) (Kubuntu)",
      "Konqueror", "", "Linux", "", HUMAN },
    { "Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.8.1.13) "
      "Gecko/20080311 Camino/1.6",
      "Mozilla", "1.8", "Linux", "", HUMAN },
    { "Mozilla/5.0 (X11; U; FreeBSD i386; en-US; rv:1.7.12) "
      "Gecko/20051105 Galeon/1.3.21",
      "Mozilla", "1.7", "", "", HUMAN },
    { "NetSurf/3.10 (Linux)",
      "", "", "Linux", "", HUMAN },
    { "Dillo/3.0.5",
      "", "", "", "", HUMAN },
    { "Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/1.1.1d",
      "", "", "", "", HUMAN },
    { "Links (2.25; Linux 5.10.0 x86_64; GNU C 10.2.1; text)",
      "", "", "Linux", "", HUMAN },
    { "w3m/0.5.3+git20210102",
      "", "", "", "", HUMAN },

    /* within apps; two of which the SDK takes for their makers' crawlers */

    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
      "[FBAN/FBIOS;FBAV/442.0.0.44.108;FBBV/541245364;FBDV/iPhone15,2"
      ";FBMD/iPhone;FBSN/iOS;FBSV/17.1;FBSS/3;FBID/phone;FBLC/en_US;F"
      "BOP/5]",
      "Facebook Mobile", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPad; CPU OS 15_6 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
      "[FBAN/FBIOS;FBAV/380.0.0.29.109;FBDV/iPad11,6]",
      "Facebook Mobile", "", "iOS", "iPad", HUMAN },
    { "Mozilla/5.0 (Linux; Android 13; SM-S918B "
      "Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like "
      "Gecko) Version/4.0 Chrome/119.0.6045.163 Mobile Safari/537.36 "
      "[FB_IAB/FB4A;FBAV/442.0.0.40.111;]",
      "Chrome", "119", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
      "Instagram 310.0.3.30.113 (iPhone15,3; iOS 17_1_1; en_US; en; "
      "scale=3.00; 1290x2796; 541635890)",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (Linux; Android 12; M2101K6G "
      "Build/SKQ1.210908.001; wv) AppleWebKit/537.36 (KHTML, like "
      "Gecko) Version/4.0 Chrome/119.0.6045.134 Mobile Safari/537.36 "
      "Instagram 309.1.0.41.113 Android",
      "Chrome", "119", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
      "musical_ly_32.1.0 JsSdk/2.0 NetType/WIFI Channel/App Store "
      "ByteLocale/en BytedanceWebview/d8a21c6",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
      "MicroMessenger/8.0.40(0x18002831) NetType/WIFI Language/zh_CN",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (Linux; Android 11; V2027A; wv) AppleWebKit/537.36 "
      "(KHTML, like Gecko) Version/4.0 Chrome/86.0.4240.99 XWEB/4317 "
      "MMWEBSDK/20220903 Mobile Safari/537.36 "
      "MicroMessenger/8.0.28.2240(0x28001C57) WeChat/arm64",
      "Chrome", "86", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 15_5 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari "
      "Line/12.9.1",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
      "[LinkedInApp]/9.26.3312",
      "Mobile Safari", "", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.1 "
      "Mobile/15E148 Snapchat/12.33.0.42 (like Safari/8615.1.26, "
      "panda)",
      "Mobile Safari", "16.1", "iOS", "iPhone", HUMAN },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
      "[Pinterest/iOS]",
      "Mobile Safari", "", "iOS", "iPhone", BLOCKED },
    { "Mozilla/5.0 (Linux; Android 11; SM-A115M; wv) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
      "Chrome/107.0.5304.91 Mobile Safari/537.36 YandexSearch/22.110",
      "Chrome", "107", "Android", "Android", BLOCKED },
    { "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 "
      "Build/TQ3A.230901.001)",
      "Android Mobile", "", "Android", "Android", HUMAN },
    { "MyApp/1.2.3 (iPhone; iOS 17.2; Scale/3.00)",
      "", "", "iOS", "iPhone", HUMAN },
    { "MyApp/42 CFNetwork/1410.0.3 Darwin/22.6.0",
      "", "", "", "", HUMAN },

    /* consoles and televisions; WebKit's own navigator.vendor is Apple's */

    { "Mozilla/5.0 (PlayStation; PlayStation 5/6.00) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 "
      "Safari/605.1.15",
      "Safari", "15.4", "", "", HUMAN },
    { "Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, "
      "like Gecko)",
      "Safari", "", "", "", HUMAN },
    { "Mozilla/5.0 (PLAYSTATION 3; 1.10)",
      "", "", "", "", HUMAN },
    { "Mozilla/4.0 (PSP (PlayStation Portable); 2.00)",
      "", "", "", "", HUMAN },
    { "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) "
      "AppleWebKit/606.4 (KHTML, like Gecko) NF/6.0.1.15.4 "
      "NintendoBrowser/5.1.0.20393",
      "Safari", "", "", "", HUMAN },
    { "Mozilla/5.0 (Nintendo 3DS; U; ; en) Version/1.7412.EU",
      "", "", "", "", HUMAN },
    { "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/79.0.3945.79 Safari/537.36 WebAppManager",
      "Chrome", "79", "Linux", "", HUMAN },
    { "Mozilla/5.0 (Linux; Android 9; Bravia 4K GB "
      "Build/PTT1.190515.001.S104) AppleWebKit/537.36 (KHTML, like "
      "Gecko) Chrome/120.0.6099.43 Safari/537.36 OPR/46.0.2207.0 "
      "OMI/4.22",
      "Opera", "46", "Android", "Android", HUMAN },
    { "Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/90.0.4430.225 Safari/537.36 "
      "CrKey/1.56.500000",
      "Chrome", "90", "Linux", "", HUMAN },
    { "Mozilla/5.0 (Apple TV; CPU AppleTV5,3 OS 9.0 like Mac OS X) "
      "AppleWebKit/601.1 (KHTML, like Gecko)",
      "Safari", "", "Mac OS X", "", HUMAN },
    { "Roku/DVP-9.10 (519.10E04111A)",
      "", "", "", "", HUMAN },

    /* the SDK sends nothing for these */

    { "Mozilla/5.0 (compatible; Googlebot/2.1; "
      "+http://www.google.com/bot.html)",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
      "Googlebot/2.1; +http://www.google.com/bot.html) "
      "Chrome/120.0.6099.199 Safari/537.36",
      "Chrome", "120", "", "", BLOCKED },
    { "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.199 "
      "Mobile Safari/537.36 (compatible; Googlebot/2.1; "
      "+http://www.google.com/bot.html)",
      "Chrome", "120", "Android", "Android", BLOCKED },
    { "Googlebot-Image/1.0",
      "", "", "", "", BLOCKED },
    { "Mediapartners-Google",
      "", "", "", "", BLOCKED },
    { "AdsBot-Google (+http://www.google.com/adsbot.html)",
      "", "", "", "", BLOCKED },
    { "APIs-Google (+https://developers.google.com/webmasters/APIs-Go"
      "ogle.html)",
      "", "", "", "", BLOCKED },
    { "FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 (Linux; Android 11; Pixel 2; DuplexWeb-Google/1.0) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/86.0.4240.193 "
      "Mobile Safari/537.36",
      "Chrome", "86", "Android", "Android", BLOCKED },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/49.0.2623.75 Safari/537.36 Google Favicon",
      "Chrome", "49", "Linux", "", BLOCKED },
    { "Mozilla/5.0 (en-us) AppleWebKit/525.13 (KHTML, like Gecko; "
      "Google Web Preview) Version/3.1 Safari/525.13",
      "Safari", "3.1", "", "", BLOCKED },
    { "Mozilla/5.0 (Linux; Android 7.0; SM-G930V Build/NRD90M) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/59.0.3071.125 "
      "Mobile Safari/537.36 (compatible; Google-Read-Aloud; "
      "+https://support.google.com/webmasters/answer/1061943)",
      "Chrome", "59", "Android", "Android", BLOCKED },
    { "Mozilla/5.0 (Linux; Android 4.2.1; en-us; Nexus 5 "
      "Build/JOP40D) AppleWebKit/535.19 (KHTML, like Gecko; "
      "googleweblight) Chrome/38.0.1025.166 Mobile Safari/535.19",
      "Chrome", "38", "Android", "Android", BLOCKED },
    { "Mozilla/5.0 (X11; Linux x86_64; Storebot-Google/1.0) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.88 "
      "Safari/537.36",
      "Chrome", "79", "Linux", "", BLOCKED },
    { "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Mobile "
      "Safari/537.36 Chrome-Lighthouse",
      "Chrome", "109", "Android", "Android", BLOCKED },
    { "Mozilla/5.0 (compatible; bingbot/2.0; "
      "+http://www.bing.com/bingbot.htm)",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, "
      "like Gecko) BingPreview/1.0b",
      "Safari", "", "Windows", "", BLOCKED },
    { "Mozilla/5.0 (compatible; AhrefsBot/7.0; "
      "+http://ahrefs.com/robot/)",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 (compatible; AhrefsSiteAudit/6.1; "
      "+http://ahrefs.com/robot/)",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) "
      "AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 "
      "Safari/600.2.5 (Amazonbot/0.1; "
      "+https://developer.amazon.com/support/amazonbot)",
      "Safari", "8", "Mac OS X", "", BLOCKED },
    { "Mozilla/5.0 (compatible; Baiduspider/2.0; "
      "+http://www.baidu.com/search/spider.html)",
      "", "", "", "", BLOCKED },
    { "facebookexternalhit/1.1 "
      "(+http://www.facebook.com/externalhit_uatext.php)",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 (Linux; Android 7.0;) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Mobile Safari/537.36 (compatible; "
      "PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
      "Android Mobile", "", "Android", "Android", BLOCKED },
    { "Mozilla/5.0 (compatible; Pinterestbot/1.0; "
      "+http://www.pinterest.com/bot.html)",
      "", "", "", "", BLOCKED },
    { "Screaming Frog SEO Spider/19.4",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 (compatible; Yahoo! Slurp; "
      "http://help.yahoo.com/help/us/ysearch/slurp)",
      "", "", "", "", BLOCKED },
    { "Mozilla/5.0 (compatible; YandexBot/3.0; "
      "+http://yandex.com/bots)",
      "", "", "", "", BLOCKED },

    /* bots that the SDK does not know */

    { "Mozilla/5.0 (compatible; SemrushBot/7~bl; "
      "+http://www.semrush.com/bot.html)",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (compatible; DotBot/1.2; "
      "+https://opensiteexplorer.org/dotbot; help@moz.com)",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
      "", "", "", "", BOT },
    { "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) "
      "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 "
      "Safari/605.1.15 (Applebot/0.1; "
      "+http://www.apple.com/go/applebot)",
      "Safari", "13.1", "Mac OS X", "", BOT },
    { "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
      "GPTBot/1.2; +https://openai.com/gptbot)",
      "Safari", "", "", "", BOT },
    { "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
      "ClaudeBot/1.0; +claudebot@anthropic.com)",
      "Safari", "", "", "", BOT },
    { "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
      "Claude-User/1.0; +Claude-User@anthropic.com)",
      "Safari", "", "", "", BOT },
    { "CCBot/2.0 (https://commoncrawl.org/faq/)",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Mobile Safari/537.36 (compatible; Bytespider; "
      "spider-feedback@bytedance.com)",
      "Android Mobile", "", "Android", "Android", BOT },
    { "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)",
      "", "", "", "", BOT },
    { "GoogleOther",
      "", "", "", "", BOT },
    { "meta-externalagent/1.1 "
      "(+https://developers.facebook.com/docs/sharing/webmasters/craw"
      "ler)",
      "", "", "", "", BOT },
    { "Twitterbot/1.0",
      "", "", "", "", BOT },
    { "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
      "", "", "", "", BOT },
    { "TelegramBot (like TwitterBot)",
      "", "", "", "", BOT },
    { "WhatsApp/2.23.20.0 A",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (compatible; Discordbot/2.0; "
      "+https://discordapp.com)",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview "
      "Preview/0.5",
      "", "", "Windows", "", BOT },
    { "ia_archiver",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (compatible; archive.org_bot "
      "+http://archive.org/details/archive.org_bot)",
      "", "", "", "", BOT },
    { "Scrapy/2.11.0 (+https://scrapy.org)",
      "", "", "", "", BOT },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) HeadlessChrome/120.0.6099.109 Safari/537.36",
      "Chrome", "120", "Linux", "", BOT },
    { "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, "
      "like Gecko) PhantomJS/2.1.1 Safari/538.1",
      "Safari", "", "Linux", "", BOT },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/120.0.6099.109 Safari/537.36 "
      "PTST/231205.180148",
      "Chrome", "120", "Linux", "", BOT },
    { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/100.0.4896.60 Safari/537.36 "
      "NewRelicSynthetics/1.0",
      "Chrome", "100", "Linux", "", BOT },
    { "Mozilla/5.0+(compatible; UptimeRobot/2.0; "
      "http://www.uptimerobot.com/)",
      "", "", "", "", BOT },
    { "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
      "", "", "", "", BOT },
    { "curl/8.5.0",
      "", "", "", "", BOT },
    { "Wget/1.21.4",
      "", "", "", "", BOT },
    { "python-requests/2.31.0",
      "", "", "", "", BOT },
    { "Python/3.11 aiohttp/3.9.1",
      "", "", "", "", BOT },
    { "Python-urllib/3.9",
      "", "", "", "", BOT },
    { "Go-http-client/2.0",
      "", "", "", "", BOT },
    { "okhttp/4.12.0",
      "", "", "", "", BOT },
    { "Java/17.0.9",
      "", "", "", "", BOT },
    { "Apache-HttpClient/4.5.13 (Java/11.0.21)",
      "", "", "", "", BOT },
    { "axios/1.6.2",
      "", "", "", "", BOT },
    { "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
      "", "", "", "", BOT },
    { "node",
      "", "", "", "", BOT },
    { "libwww-perl/6.72",
      "", "", "", "", BOT },
    { "PostmanRuntime/7.36.0",
      "", "", "", "", BOT },
    { "Ruby",
      "", "", "", "", BOT },
    { "GuzzleHttp/7",
      "", "", "", "", BOT },
    { "kube-probe/1.27",
      "", "", "", "", BOT },
    { "ELB-HealthChecker/2.0",
      "", "", "", "", BOT },
    { "Prometheus/2.48.0",
      "", "", "", "", BOT },
    { "Mozilla/5.0",
      "", "", "", "", BOT },
    { "Mozilla/4.0 (compatible;)",
      "", "", "", "", BOT },
    { "",
      "", "", "", "", HUMAN },
    { "-",
      "", "", "", "", BOT },
    { "42",
      "", "", "", "", BOT },

    /* what no browser sends, but the SDK would say of it */

    { "Mozilla/5.0 (Linux; android 4.4; wv) Gecko",
      "Mozilla", "", "Linux", "", HUMAN },
    { "Mozilla/5.0 (X11) Konqueror:4.10 (like Gecko)",
      "Konqueror", "4.1", "", "", HUMAN },
    { "Mozilla/5.0 (X11) Firefox/007.10 Firefox/8",
      "Firefox", "7.1", "", "", HUMAN },
    { "Mozilla/5.0 (X11) Firefox/x Firefox/0.50",
      "Firefox", "0.5", "", "", HUMAN },
    { "Mozilla/5.0 (X11) Firefox/000",
      "Firefox", "0", "", "", HUMAN },
    { "Mozilla/5.0 (X11) Firefox/5. Gecko",
      "Firefox", "5", "", "", HUMAN },
    { "Mozilla/5.0 (X11) Firefox",
      "Firefox", "", "", "", HUMAN },
    { "mozilla/5.0 (WINDOWS nt 10.0) gecko/20100101 firefox/121.0",
      "", "", "Windows", "", HUMAN },
    { "Mozilla/5.0 (windows PHONE 10) xEdge Edg/120.5",
      "Microsoft Edge", "120.5", "Windows", "Windows Phone", HUMAN },
    { "Mozilla/5.0 (Windows) Chrome/9 Edgeless/1 Edge/18.25",
      "Microsoft Edge", "18.25", "Windows", "", HUMAN },
    { "Mozilla/5.0 (X11) Gecko xOPR/9",
      "Mozilla", "", "", "", HUMAN },
    { "Mozilla/5.0 (X11) Firefox9 Firefox/8",
      "Firefox", "8", "", "", HUMAN },
    { "Mozilla/5.0 (X11) Gecko/9 xEdge7 Edg/8.20",
      "Microsoft Edge", "8.2", "", "", HUMAN },

    /* one sign of a bot each */

    { "Mozilla/5.0 (X11) Gecko Foo-Bot",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Foospider/1.0",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko CRAWLING",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Scraper",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko LinkChecker",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Linkpreview",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko (http://example.com/)",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko HTTPS://example.com",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko www.example.com",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Google-Any",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko GoogleOther",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko GoogleImageProxy",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Playwright/1",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Selenium",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko StatusCake",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Site24x7",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko GTmetrix",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko Pingdom",
      "Mozilla", "", "", "", BOT },
    { "Mozilla/5.0 (X11) Gecko (compatible; Foo)",
      "Mozilla", "", "", "", BOT },

    /* and what is none */

    { "Mozilla/5.0 (X11) Gecko Bottle Spiders Cubot https:/x ww.x "
      "Google",
      "Mozilla", "", "", "", HUMAN },
};


#define FROZEN                                                               \
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like "    \
    "Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"

#define CHROME                                                               \
    "\"Not_A Brand\";v=\"8\", \"Chromium\";v=\"120\", "                      \
    "\"Google Chrome\";v=\"120\""

#define EDGE                                                                 \
    "\"Chromium\";v=\"120\", \"Not;A=Brand\";v=\"24\", "                     \
    "\"Microsoft Edge\";v=\"121\""

#define HEADLESS                                                             \
    "\"HeadlessChrome\";v=\"119\", \"Not?A_Brand\";v=\"24\""


static const hint_t  hints[] = {

    { "a frozen user agent keeps its values",
      FROZEN, CHROME, "\"Google Chrome\";v=\"120.5.6099.129\"",
      "\"Android\"", "Chrome", "120", "Android", "Android", 0 },

    { "whatever the hints say",
      FROZEN, EDGE, "\"Microsoft Edge\";v=\"121.0.2277.83\"",
      "\"Windows\"", "Chrome", "120", "Android", "Android", 0 },

    { "also without a device",
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
      " Chrome/120.0.0.0 Safari/537.36", CHROME, "", "\"Android\"",
      "Chrome", "120", "Linux", "", 0 },

    { "all of it from the hints",
      "Hidden", CHROME, "", "\"Android\"",
      "Chrome", "120", "Android", "Android", 0 },

    { "full versions before those of the brands",
      "Hidden", EDGE, "\"Chromium\";v=\"120.1.2\", "
      "\"Microsoft Edge\";v=\"121.60.2277.83\"", "\"Windows\"",
      "Microsoft Edge", "121.6", "Windows", "", 0 },

    { "full versions alone",
      "Hidden", "", "\"Opera GX\";v=\"106.0.4998.70\", "
      "\"Chromium\";v=\"120\"", "\"macOS\"",
      "Opera", "106", "Mac OS X", "", 0 },

    { "an unknown brand is its parent",
      "Hidden", "\"Brave\";v=\"119\", \"Chromium\";v=\"120\"", "",
      "\"Linux\"", "Chrome", "120", "Linux", "", 0 },

    { "a version for a browser that has none",
      "Mozilla/5.0 (X11; Linux x86_64) Chrome", CHROME, "", "",
      "Chrome", "120", "Linux", "", 0 },

    { "but not another browser's",
      "Mozilla/5.0 (X11; Linux x86_64) Firefox", CHROME, "", "",
      "Firefox", "", "Linux", "", 0 },

    { "Samsung Internet",
      "Hidden", "\"Samsung Internet\";v=\"23.0\", \"Not.A/Brand\";v=\"8\", "
      "\"Chromium\";v=\"115\"", "", "\"Android\"",
      "Samsung Internet", "23", "Android", "Android", 0 },

    { "Chrome OS",
      "Hidden", CHROME, "", "\"Chromium OS\"",
      "Chrome", "120", "Chrome OS", "", 0 },

    { "iOS",
      "Hidden", CHROME, "", "\"iOS\"",
      "Chrome", "120", "iOS", "", 0 },

    { "no user agent, but hints: no bot",
      "", CHROME, "", "\"Windows\"", "Chrome", "120", "Windows", "", 0 },

    { "without a head by the brands only",
      FROZEN, HEADLESS, "", "\"Linux\"",
      "Chrome", "120", "Android", "Android", 1 },

    { "Headless is not HeadlessChrome",
      FROZEN, "\"Headless\";v=\"1\", \"HeadlessChrom\";v=\"1\"", "", "",
      "Chrome", "120", "Android", "Android", 0 },

    { "escapes, parameters and space",
      "Hidden", " \"\\\\Not\\\"A;Brand, \";x; v=\"8\" ,\t"
      "\"Chromium\"; a=\"v=\"; v=\"9\"", "", " \"Windows\" ",
      "Chrome", "9", "Windows", "", 0 },

    { "the first of two",
      "Hidden", "\"Chromium\";v=\"1\", \"Chromium\";v=\"2\"", "", "",
      "Chrome", "1", "", "", 0 },

    { "a version that is no number",
      "Hidden", "\"Chromium\";v=\"x9\"", "", "",
      "Chrome", "", "", "", 0 },

    { "no version",
      "Hidden", "\"Chromium\"", "", "", "Chrome", "", "", "", 0 },

    { "a brand that only begins like a known one",
      "Hidden", "\"Chromiums\";v=\"9\"", "", "", "", "", "", "", 0 },

    { "malformed: no quote at the end",
      "Hidden", "\"Chromium\";v=\"9\", \"x", "", "\"Windows",
      "", "", "", "", 0 },

    { "malformed: nothing after the comma",
      "Hidden", "\"Chromium\";v=\"9\",", "", "Windows",
      "", "", "", "", 0 },

    { "malformed: an escape at the end",
      "Hidden", "\"Chromium\";v=\"9\", \"\\\"", "", "\"Windows\" x",
      "", "", "", "", 0 },

    { "malformed: words between",
      "Hidden", "\"Chromium\" x;v=\"9\"", "", "\"\"", "", "", "", "", 0 },

    { "malformed: a value that is no string",
      "Hidden", "\"Chromium\";v=9", "", "\"windows\"", "", "", "", "", 0 }
};


static unsigned is(const mxt_agent_text_t *got, const char *want);
static unsigned as_expected(const mxt_agent_t *a, const client_t *c);
static unsigned equal(const mxt_agent_t *a, const mxt_agent_t *b);
static mxt_agent_t ask(const char *ua, size_t len);
static void tell(const mxt_agent_t *a);
static mxt_agent_text_t text(const char *s);


static void
real_ones(void)
{
    size_t       i;
    mxt_agent_t  a;

    for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        a = ask(clients[i].ua, strlen(clients[i].ua));

        if (!tap_ok(as_expected(&a, &clients[i]), "%s", clients[i].ua)) {
            tell(&a);
        }
    }
}


/* the same wherever the 16 bytes begin and end, and in longer ones */

static void
shifted(void)
{
    char         buf[1024];
    size_t       i, n, len;
    unsigned     shift, bad;
    mxt_agent_t  a, b;

    bad = 0;

    for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        len = strlen(clients[i].ua);
        a = ask(clients[i].ua, len);

        for (shift = 1; len && shift <= 17; shift++) {

            memset(buf, '.', sizeof(buf));
            memcpy(buf, clients[i].ua, len);
            n = len + shift;

            b = ask(buf, n);
            b.version.data = a.version.data;
            bad += !equal(&a, &b) && strchr("0123456789", buf[0]) == NULL
                   && clients[i].kind == HUMAN;

            memset(buf, '.', sizeof(buf));
            memcpy(buf + shift, clients[i].ua, len);

            b = ask(buf, n);
            bad += b.blocked != a.blocked || b.os.data != a.os.data
                   || b.device.data != a.device.data
                   || b.browser.data != a.browser.data
                   || b.version.len != a.version.len;
        }
    }

    tap_is_u64(bad, 0, "the same at every place");
}


/* each in memory of its size, for the sanitizer */

static void
cut(void)
{
    size_t       i, n, len;
    unsigned     bad;
    mxt_agent_t  a, b;

    bad = 0;

    for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        len = strlen(clients[i].ua);

        for (n = 0; n <= len; n++) {
            a = ask(clients[i].ua, n);

            /* nothing that was there goes away by what follows */

            b = ask(clients[i].ua, len);
            bad += a.blocked > b.blocked
                   || (a.os.len && b.os.len == 0)
                   || (a.browser.len && b.browser.len == 0)
                   || (a.device.len && b.device.len == 0);
        }
    }

    tap_is_u64(bad, 0, "cut anywhere");
}


static void
hinted(void)
{
    size_t               i;
    mxt_agent_t          a;
    const hint_t        *t;
    mxt_agent_headers_t  h;

    for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        t = &hints[i];

        h.user_agent = text(t->ua);
        h.brands = text(t->brands);
        h.versions = text(t->versions);
        h.platform = text(t->platform);

        mxt_agent(&a, &h);

        if (!tap_ok(is(&a.browser, t->browser) && is(&a.version, t->version)
                    && is(&a.os, t->os) && is(&a.device, t->device)
                    && a.bot == t->bot && !a.blocked, "%s", t->name))
        {
            tell(&a);
        }
    }
}


/* asked again and again, by headers at other places each time, and by more of
 * them than there are slots: the same as without */

static void
remembered(void)
{
    char                 buf[2][MXT_AGENT_MEMO_TEXT + 64];
    size_t               i, len, used;
    unsigned             bad, round;
    mxt_agent_t          a, b;
    mxt_agent_headers_t  h, moved;

    bad = 0;

    for (round = 0; round < 4 * MXT_AGENT_MEMO_SLOTS; round++) {

        i = round % (sizeof(clients) / sizeof(clients[0]));

        /* one of its own in every other round, the same one in the others */

        len = (size_t) snprintf(buf[0], sizeof(buf[0]), "%s",
                                clients[i].ua);

        if (round & 1) {
            len += (size_t) snprintf(buf[0] + len, sizeof(buf[0]) - len,
                                     " n%u", round);
        }

        memset(&h, 0, sizeof(h));
        h.user_agent.data = buf[0];
        h.user_agent.len = len < sizeof(buf[0]) ? len : sizeof(buf[0]) - 1;

        moved = h;
        moved.user_agent.data = memcpy(buf[1], buf[0], sizeof(buf[0]));

        mxt_agent(&a, &moved);

        mxt_agent_memo(&b, &h);
        mxt_agent_memo(&b, &moved);

        bad += !equal(&a, &b) || a.version.data != b.version.data;
    }

    tap_is_u64(bad, 0, "remembered");

    bad = 0;

    for (i = 0; i < 2 * sizeof(hints) / sizeof(hints[0]); i++) {

        const hint_t  *t = &hints[i / 2];

        h.user_agent = text(t->ua);
        h.brands = text(t->brands);
        h.versions = text(t->versions);
        h.platform = text(t->platform);

        mxt_agent(&a, &h);
        mxt_agent_memo(&b, &h);

        bad += !equal(&a, &b) || a.version.data != b.version.data;
    }

    tap_is_u64(bad, 0, "remembered with its hints");

    /* of what does not fit nothing is kept, whatever was there before */

    memset(buf[0], 'x', sizeof(buf[0]));
    memset(&h, 0, sizeof(h));
    h.user_agent.data = buf[0];

    for (len = MXT_AGENT_MEMO_TEXT - 1; len < MXT_AGENT_MEMO_TEXT + 2; len++) {

        h.user_agent.len = len;
        mxt_agent_memo(&b, &h);

        used = 0;

        for (i = 0; i < MXT_AGENT_MEMO_SLOTS; i++) {
            used += mxt_agent_memos[i].used && mxt_agent_memos[i].len[0] == len;
        }

        tap_ok(used == (len <= MXT_AGENT_MEMO_TEXT), "remembered: %u bytes",
               (unsigned) len);
    }

    h.user_agent.len = MXT_AGENT_MEMO_TEXT;
    h.brands = h.user_agent;
    mxt_agent(&a, &h);
    mxt_agent_memo(&b, &h);

    tap_ok(equal(&a, &b), "remembered: too much in all");
}


/* the order that the search relies on */

static void
sorted(void)
{
    size_t       i;
    unsigned     bad;
    const char  *a, *b;

    bad = 0;

    for (i = 1; i < MXT_AGENT_CLIENTS; i++) {
        a = mxt_agent_clients[i - 1];
        b = mxt_agent_clients[i];

        if (strcmp(a, b) >= 0 || strncmp(a, b, strlen(a)) == 0) {
            tap_diag("%s, %s", a, b);
            bad++;
        }
    }

    tap_is_u64(bad, 0, "clients are sorted, and none begins another");

    bad = 0;

    for (i = 0; i < MXT_AGENT_CLIENTS; i++) {
        a = mxt_agent_clients[i];
        bad += !ask(a, strlen(a)).bot;
    }

    tap_is_u64(bad, 0, "and each is found");
}


/* the SDK's list, anywhere and in any case */

static void
blocked(void)
{
    char         buf[64];
    size_t       i, k, n;
    unsigned     bad, upper;

    static const char *const  names[] = {
        "ahrefsbot", "ahrefssiteaudit", "amazonbot", "baiduspider",
        "bingbot", "bingpreview", "chrome-lighthouse", "facebookexternal",
        "petalbot", "pinterest", "screaming frog", "yahoo! slurp", "yandex",
        "adsbot-google", "apis-google", "duplexweb-google",
        "feedfetcher-google", "google favicon", "google web preview",
        "google-read-aloud", "googlebot", "googleweblight",
        "mediapartners-google", "storebot-google"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bad = 0;
        n = strlen(names[i]);

        for (upper = 0; upper < 2; upper++) {

            memset(buf, 'o', sizeof(buf));

            for (k = 0; k < n; k++) {
                buf[20 + k] = names[i][k];

                if (upper && names[i][k] >= 'a' && names[i][k] <= 'z') {
                    buf[20 + k] -= 0x20;
                }
            }

            bad += !ask(buf, sizeof(buf)).blocked
                   || !ask(buf + 20, n).blocked
                   || !ask(buf + 20, n).bot;

            /* and not by less than all of it */

            for (k = 0; k < n; k++) {
                buf[20 + k] ^= 0x40;
                bad += ask(buf, sizeof(buf)).blocked;
                buf[20 + k] ^= 0x40;
            }

            bad += ask(buf + 20, n - 1).blocked
                   || ask(buf + 21, n - 1).blocked;
        }

        tap_is_u64(bad, 0, names[i]);
    }
}


static void
numbers(void)
{
    size_t       i;
    mxt_agent_t  a;

    static const char *const  versions[][2] = {
        { "Firefox/0", "0" },
        { "Firefox/0.0", "0" },
        { "Firefox/00.10", "0.1" },
        { "Firefox/1.", "1" },
        { "Firefox/1.0.9", "1" },
        { "Firefox/10.01", "10.01" },
        { "Firefox/123456789012345", "123456789012345" },
        { "Firefox/1234567890.12345", "1234567890.12345" },
        { "Firefox/1234567890.123450000", "1234567890.12345" },
        { "Firefox/1234567890123456", "" },
        { "Firefox/1234567890.123456", "" },
        { "Firefox/", "" },
        { "Firefox/.5", "" },
        { "Firefox/-5", "" }
    };

    for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        a = ask(versions[i][0], strlen(versions[i][0]));

        tap_ok(is(&a.version, versions[i][1]), "%s", versions[i][0]);
    }
}


/* a copy of its size; what is told of the version outlives it not */

static mxt_agent_t
ask(const char *ua, size_t len)
{
    char                *copy;
    mxt_agent_t          a;
    mxt_agent_headers_t  h;

    static char          version[32];

    copy = malloc(len + (len == 0));
    memcpy(copy, ua, len);

    memset(&h, 0, sizeof(h));
    h.user_agent.data = len ? copy : NULL;
    h.user_agent.len = len;

    memset(&a, 0xff, sizeof(a));
    mxt_agent(&a, &h);

    memcpy(version, a.version.data, a.version.len);
    a.version.data = version;

    free(copy);

    return a;
}


static unsigned
as_expected(const mxt_agent_t *a, const client_t *c)
{
    return is(&a->browser, c->browser)
           && is(&a->version, c->version)
           && is(&a->os, c->os)
           && is(&a->device, c->device)
           && a->blocked == (c->kind == BLOCKED)
           && a->bot == (c->kind != HUMAN);
}


static unsigned
equal(const mxt_agent_t *a, const mxt_agent_t *b)
{
    return a->browser.data == b->browser.data
           && a->version.len == b->version.len
           && a->os.data == b->os.data
           && a->device.data == b->device.data
           && a->blocked == b->blocked
           && a->bot == b->bot;
}


static unsigned
is(const mxt_agent_text_t *got, const char *want)
{
    return got->data != NULL && got->len == strlen(want)
           && memcmp(got->data, want, got->len) == 0;
}


static void
tell(const mxt_agent_t *a)
{
    tap_diag("got: \"%.*s\" %.*s \"%.*s\" \"%.*s\" %u %u",
             (int) a->browser.len, a->browser.data,
             (int) a->version.len, a->version.data,
             (int) a->os.len, a->os.data,
             (int) a->device.len, a->device.data, a->blocked, a->bot);
}


static mxt_agent_text_t
text(const char *s)
{
    mxt_agent_text_t  t;

    t.data = *s ? s : NULL;
    t.len = strlen(s);

    return t;
}


int
main(void)
{
    real_ones();
    shifted();
    cut();
    hinted();
    remembered();
    sorted();
    blocked();
    numbers();

    return tap_done();
}
