package Mixtrack::Agents;

# Browsers as they call themselves, and what they are to be taken for: a name
# for the test, what they have for navigator.vendor, the user agent; browser,
# version, system and device.

use v5.36;

use Exporter qw(import);

our @EXPORT_OK = qw(@agents);

my ($google, $apple) = ('Google Inc.', 'Apple Computer, Inc.');
my $mozilla = 'Mozilla/5.0';
my $kit     = 'AppleWebKit/537.36 (KHTML, like Gecko)';
my $ios     = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';
my $iphone  = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)';

our @agents = (
    ['windows', $google, "$mozilla (Windows NT 10.0; Win64; x64) $kit Chrome/126.0.0.0 Safari/537.36",
        'Chrome', 126, 'Windows'],
    ['android', $google, "$mozilla (Linux; Android 10; K) $kit Chrome/126.0.0.0 Mobile Safari/537.36",
        'Chrome', 126, 'Android', 'Android'],
    ['chromebook', $google, "$mozilla (X11; CrOS x86_64 14541.0.0) $kit Chrome/126.0.0.0 Safari/537.36",
        'Chrome', 126, 'Chrome OS'],
    ['edge', $google, "$mozilla (Windows NT 10.0; Win64; x64) $kit Chrome/126.0.0.0 Safari/537.36 Edg/126.5.2592.87",
        'Microsoft Edge', 126.5, 'Windows'],
    ['edge-ios', $apple, "$iphone $ios Version/17.0 EdgiOS/126.0.2592.86 Mobile/15E148 Safari/605.1.15",
        'Mobile Safari', 17, 'iOS', 'iPhone'],
    ['opera', $google, "$mozilla (X11; Linux x86_64) $kit Chrome/126.0.0.0 Safari/537.36 OPR/112.1.0.0",
        'Opera', 112.1, 'Linux'],
    ['samsung', $google, "$mozilla (Linux; Android 13; SM-S918B) $kit SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
        'Samsung Internet', 25, 'Android', 'Android'],
    ['whale', $google, "$mozilla (Windows NT 10.0; Win64; x64) $kit Chrome/124.0.0.0 Whale/3.26.244.21 Safari/537.36",
        'Whale Browser', 3.26, 'Windows'],
    ['uc', $google, "$mozilla (Linux; U; Android 11; en-US; M2101) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
            . 'UCBrowser/13.4.0.1306 Mobile Safari/537.36',
        'UC Browser', 13.4, 'Android', 'Android'],
    ['webview', $google, "$mozilla (Linux; U; Android 4.0.3; de-de) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 "
            . 'Mobile Safari/534.30',
        'Android Mobile', undef, 'Android', 'Android'],
    ['safari', $apple, "$mozilla (Macintosh; Intel Mac OS X 10_15_7) $ios Version/17.5 Safari/605.1.15",
        'Safari', 17.5, 'Mac OS X'],
    ['iphone', $apple, "$iphone $ios Version/17.5 Mobile/15E148 Safari/604.1",
        'Mobile Safari', 17.5, 'iOS', 'iPhone'],
    ['ipad', $apple, "$mozilla (iPad; CPU OS 12_5 like Mac OS X) $ios Version/12.1 Mobile/15E148 Safari/604.1",
        'Mobile Safari', 12.1, 'iOS', 'iPad'],
    ['chrome-ios', $apple, "$iphone $ios CriOS/126.0.6478.153 Mobile/15E148 Safari/604.1",
        'Chrome iOS', 126, 'iOS', 'iPhone'],
    ['firefox-ios', $apple, "$iphone $ios FxiOS/127.1 Mobile/15E148 Safari/605.1.15",
        'Firefox iOS', 127.1, 'iOS', 'iPhone'],
    ['facebook', $apple, "$iphone $ios Mobile/15E148 [FBAN/FBIOS;FBAV/470.0.0.40.98;FBDV/iPhone14,2]",
        'Facebook Mobile', undef, 'iOS', 'iPhone'],
    ['firefox', '', "$mozilla (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        'Firefox', 127, 'Linux'],
    ['firefox-android', '', "$mozilla (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
        'Android Mobile', undef, 'Android', 'Android'],
    ['explorer', '', "$mozilla (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        'Internet Explorer', 11, 'Windows'],
    ['windows-phone', '', "$mozilla (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) $kit Chrome/52.0.2743.116 "
            . 'Mobile Safari/537.36 Edge/15.15254',
        'Microsoft Edge', 15.15254, 'Windows Phone', 'Windows Phone'],
    ['blackberry', $google, "$mozilla (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile Safari/537.10+",
        'BlackBerry', undef, 'BlackBerry', 'BlackBerry'],
    ['opera-mini', '', 'Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16',
        'Opera Mini', undef, 'Android', 'Android'],
);

1;
