//! The process, as every Prometheus client tells it. The collector is the library's, and its texts are: a test compares them.

use super::{Family, Kind::*, Metric, There::*, family};

family! {
    FAMILY, "The process",
    "The usual ones, read from `/proc` at each scrape.",
    {
        CPU = Counter, "process_cpu_seconds_total", [], Always,
            "Total user and system CPU time spent in seconds.";
        MAX_FDS = Gauge, "process_max_fds", [], Always,
            "Maximum number of open file descriptors.";
        OPEN_FDS = Gauge, "process_open_fds", [], Always,
            "Number of open file descriptors.";
        RESIDENT = Gauge, "process_resident_memory_bytes", [], Always,
            "Resident memory size in bytes.";
        STARTED = Gauge, "process_start_time_seconds", [], Always,
            "Start time of the process since unix epoch in seconds.";
        THREADS = Gauge, "process_threads", [], Always,
            "Number of OS threads in the process.";
        VIRTUAL = Gauge, "process_virtual_memory_bytes", [], Always,
            "Virtual memory size in bytes.";
    }
}
