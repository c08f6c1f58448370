package Bench::Setup;

# What is compared: pieces of configuration.

use v5.36;

use Exporter qw(import);
use JSON::PP ();

our @EXPORT_OK = qw(TOKEN project reference logged minimal user_id plain_log json_log describe
    json_event $cheap_id $random_id);

use constant TOKEN => '0123456789abcdef0123456789abcdef';

our $random_id = '$request_id';
our $cheap_id  = '$connection-$connection_requests-$msec';

# endpoint, zone, spool, more; no rate, as it is throughput that is measured
sub project (%o) {
    my $zone  = $o{zone}  // '64m';
    my $spool = $o{spool} // 'off';
    return <<"EOF";
    mixtrack_project {
        token @{[TOKEN]};
        endpoint $o{endpoint};
        zone $zone;
        spool $spool;
        rate off;
        shutdown_timeout 1s;
        @{[$o{more} // '']}
    }
EOF
}

# the reference event: all standard properties, and the user agent
sub reference () { 'mixtrack "Page View"; mixtrack_property user_agent $http_user_agent;' }

# what the log in JSON has: 11 properties
sub logged () {
    return reference() . join '', map {" mixtrack_property $_ off;"}
        qw(current_domain current_url_path current_url_protocol current_url_search $referring_domain
        $search_engine mp_keyword $browser $browser_version $os $device bytes_sent http_version
        mp_lib $lib_version $initial_referrer $initial_referring_domain
        utm_source utm_medium utm_campaign utm_content utm_term utm_id utm_source_platform
        utm_campaign_id utm_creative_format utm_marketing_tactic dclid fbclid gclid ko_click_id
        li_fat_id msclkid sccid ttclid twclid wbraid);
}

sub minimal ()   { 'mixtrack "Page View"; mixtrack_properties minimal;' }
sub user_id ()   { reference() . ' mixtrack_user_id $cookie_uid;' }

# logs as they are used where speed matters: buffered.  Each is what goes to
# a location, and what it needs outside.
sub plain_log ($file) { ("access_log $file combined buffer=64k flush=1s;", '') }

# the properties of logged(), in nginx's variables; their names are without "$",
# which cannot be written there
sub json_event ($id) {
    my $properties = join ',', map {qq("$_->[0]":$_->[1])}
        [token        => '"0123456789abcdef0123456789abcdef"'],
        [time         => '$msec'], [insert_id => qq("$id")], [distinct_id => '""'],
        [ip           => '"$remote_addr"'],
        [current_url  => '"$scheme://$http_host$request_uri"'],
        [referrer     => '"$http_referer"'], [method => '"$request_method"'],
        [status       => '"$status"'], [request_time => '$request_time'],
        [user_agent   => '"$http_user_agent"'];

    return qq({"event":"Page View","properties":{$properties}});
}

sub json_log ($file, $id) {
    my $event = json_event($id);

    return (
        "access_log $file event buffer=64k flush=1s;",
        qq(    log_format event escape=json '$event';\n)
    );
}

# an event in words
sub describe ($event) {
    my $properties = JSON::PP::decode_json($event)->{properties};
    return sprintf '%d properties', scalar keys %$properties;
}

1;
