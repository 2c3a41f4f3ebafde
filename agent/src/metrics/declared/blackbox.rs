//! What `/probe` serves under blackbox_exporter's names, with its help texts. The names, the texts and the labels are that
//! program's, and a test compares them with it where it is installed; none is of our choosing but the age.

use super::{Family, Kind::*, Label, Metric, There::*, Values::Named, family, labels::*};

const fn of_certificate(name: &'static str) -> Label {
    Label { name, values: Named("target's certificate") }
}

const FINGERPRINT: Label = of_certificate("fingerprint_sha256");
const ISSUER: Label = of_certificate("issuer");
const SERIAL: Label = of_certificate("serialnumber");
const SUBJECT: Label = of_certificate("subject");
const ALTERNATIVE: Label = of_certificate("subjectalternative");
const TLS_VERSION: Label = Label { name: "version", values: Named("target's protocol") };

family! {
    BLACKBOX, "Served at `/probe`",
    "One target's latest result.",
    {
        AGE = Gauge, "quorate_probe_age_seconds", [], Always,
            "How old the result is: the age of the latest probe of the target's own schedule.";
        SUCCESS = Gauge, "probe_success", [], Always,
            "Displays whether or not the probe was a success";
        DURATION = Gauge, "probe_duration_seconds", [], Always,
            "Returns how long the probe took to complete in seconds";
        TIMEOUT = Gauge, "probe_timeout_seconds", [], Always,
            "Returns the timeout of the probe in seconds";
        LOOKUP = Gauge, "probe_dns_lookup_time_seconds", [], Always,
            "Returns the time taken for probe dns lookup in seconds";
        IP_PROTOCOL = Gauge, "probe_ip_protocol", [], Always,
            "Specifies whether probe ip protocol is IP4 or IP6";
        IP_HASH = Gauge, "probe_ip_addr_hash", [], Always,
            "Specifies the hash of IP address. It's useful to detect if the IP address changes.";
        REGEX_FAILED = Gauge, "probe_failed_due_to_regex", [], Always,
            "Indicates if probe failed due to regex";
        HTTP_DURATION = Gauge, "probe_http_duration_seconds", [PHASE], If("the module is http"),
            "Duration of http request by phase, summed over all redirects";
        HTTP_CONTENT_LENGTH = Gauge, "probe_http_content_length", [], If("the module is http"),
            "Length of http content response";
        HTTP_BODY_LENGTH = Gauge, "probe_http_uncompressed_body_length", [], If("the module is http"),
            "Length of uncompressed response body";
        HTTP_REDIRECTS = Gauge, "probe_http_redirects", [], If("the module is http"),
            "The number of redirects";
        HTTP_SSL = Gauge, "probe_http_ssl", [], If("the module is http"),
            "Indicates if SSL was used for the final redirect";
        HTTP_STATUS = Gauge, "probe_http_status_code", [], If("the module is http"),
            "Response HTTP status code";
        HTTP_VERSION = Gauge, "probe_http_version", [], If("the module is http"),
            "Returns the version of HTTP of the probe response";
        CERTIFICATE = Gauge, "probe_ssl_earliest_cert_expiry", [], If("a certificate was presented"),
            "Returns last SSL chain expiry in unixtime";
        CHAIN_EXPIRY = Gauge, "probe_ssl_last_chain_expiry_timestamp_seconds", [], If("the handshake succeeded"),
            "Returns last SSL chain expiry in timestamp";
        CHAIN_INFO = Gauge, "probe_ssl_last_chain_info", [FINGERPRINT, ISSUER, SERIAL, SUBJECT, ALTERNATIVE],
            If("the handshake succeeded"),
            "Contains SSL leaf certificate information";
        TLS_INFO = Gauge, "probe_tls_version_info", [TLS_VERSION], If("the handshake succeeded"),
            "Returns the TLS version used or NaN when unknown";
    }
}
