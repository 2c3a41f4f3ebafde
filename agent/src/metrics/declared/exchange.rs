//! What goes in and out beside probes and plans: notifications, calls to clouds, and requests to the API.

use super::{Family, Kind::*, Metric, There::*, family, labels::*};

/// From a receiver next door to one that is tried for minutes.
const NOTIFICATION_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0];
/// From an answer at once to the limit of one attempt, three seconds, and the slowest control planes.
const CALL_BUCKETS: [f64; 8] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0];

family! {
    FAMILY, "Notifications and the API",
    "Only the leader sends notifications, so a notifier's figures are the sum over all agents.",
    {
        NOTIFICATIONS = Counter, "quorate_notifications_total", [NOTIFIER, NOTICE, DELIVERY], Configured,
            "Events for webhooks and messages for people's channels by what became of them; only the leader sends.";
        NOTIFICATION_DURATION = Histogram(&NOTIFICATION_BUCKETS), "quorate_notification_duration_seconds", [NOTIFIER], Configured,
            "From the first attempt at an event or a message until it was delivered or given up, pauses included.";
        NOTIFICATION_QUEUE = Gauge, "quorate_notification_queue_length", [NOTIFIER], Configured,
            "Events and messages that wait for the receiver or are on their way; 0 where this agent does not lead.";
        CERTIFICATE_RELOADS = Counter, "quorate_certificate_reloads_total", [READING], Always,
            "How often the certificates' files were read anew; refused ones leave those from before in use.";
        HTTP_REQUESTS = Counter, "quorate_http_requests_total", [HANDLER, METHOD, CODE], Always,
            "Requests to the API by route and class of answer; other stands for what is no route.";
    }
}

family! {
    CALLS, "Calls to clouds",
    "One figure for each request that left this agent, so a call that was repeated counts as often as it was sent. \
     `refused` is an answer that says no, `failed` one that says that the service itself has trouble, `unanswered` no answer \
     at all: what such a call asked for may have been done.",
    {
        CLOUD_REQUESTS = Counter, "quorate_cloud_api_requests_total", [CLOUD_OF, OPERATION, CALLED_REGION, CALL_OUTCOME],
            If("the operation was called in the region, then with every outcome"),
            "Requests to a cloud's API by what became of them.";
        CLOUD_DURATION = Histogram(&CALL_BUCKETS), "quorate_cloud_api_duration_seconds", [CLOUD_OF, OPERATION],
            If("the operation was called"),
            "How long such requests took, answered or not.";
        CLOUD_THROTTLES = Counter, "quorate_cloud_api_throttles_total", [CLOUD], Always,
            "Requests that were refused because there were too many.";
    }
}
