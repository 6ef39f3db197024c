//! Settings of downloads and uploads.

use std::path::PathBuf;

use crate::table::theme;

theme! {
    /// How files are transferred over the network.
    TransferSettings in transfer, shared true, from machine;

    /// Seconds to wait for a connection. 0 means any number.
    "connect-timeout" connect_timeout: u64 = 15;
    /// How often a transfer is tried before it counts as failed.
    "download-attempts" download_attempts: u32 = 5;
    /// Bytes held in memory for a transfer whose data is not taken fast enough.
    "download-buffer-size" download_buffer_size: u64 = 1 << 20;
    /// The highest transfer rate, in kilobytes a second. 0 means any.
    "download-speed" download_speed: u32 = 0;
    /// How many connections may be open at once. 0 means any number.
    "http-connections" http_connections: u64 = 25, aliases ["binary-caches-parallel-connections"];
    /// Whether HTTP/2 is spoken where the server does.
    "http2" http2: bool = true;
    /// The file with user names and passwords for hosts.
    "netrc-file" netrc_file: PathBuf = machine.conf_dir.join("netrc");
    /// The file with the certificates that https trusts. `NIX_SSL_CERT_FILE` and `SSL_CERT_FILE`
    /// in the environment come before the system's own.
    "ssl-cert-file" ssl_cert_file: Option<PathBuf> = machine.ssl_cert_file.clone(), default varies;
    /// Seconds without any data after which a transfer is given up.
    "stalled-download-timeout" stalled_download_timeout: u64 = 300;
    /// Text added to the name under which we introduce ourselves to servers.
    "user-agent-suffix" user_agent_suffix: String = String::new();
}
