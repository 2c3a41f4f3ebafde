//! The client over https: it trusts whom the system trusts, and sends the token.

use crate::quorate::{Home, Ran};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::Path,
    sync::{Arc, mpsc},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A server with an agent's certificate. It answers every request alike and sends each header line to the test.
fn serve(directory: &Path) -> (String, mpsc::Receiver<String>) {
    let chain =
        CertificateDer::pem_file_iter(directory.join("us-east-1.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(directory.join("us-east-1.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (lines, seen) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            // A client that does not trust the certificate ends the connection here.
            for line in
                BufReader::new(&mut stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty())
            {
                let _ = lines.send(line);
            }
            let body = r#"{"message": "Done."}"#;
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    (url, seen)
}

/// Goal: over https the certificate is verified before anything is sent, and then the token is. Method: once without
/// and once with the authority among the trusted ones.
#[test]
fn the_token_goes_to_a_verified_server() {
    let home = Home::new();
    assert_eq!(home.run(&["init", "c"]).code, 0);
    home.write_token(TOKEN);
    let (url, seen) = serve(&home.path().join("c"));
    let arguments = ["resume", "shop", "--reason", "x", "--agent", &url];

    home.write("nobody.pem", "");
    let ran = Ran::from(home.command(&arguments).env("SSL_CERT_FILE", "nobody.pem").output().unwrap());
    assert!(ran.code == 5 && ran.err.contains("certificate"), "{}", ran.err);
    assert!(seen.try_recv().is_err(), "nothing was sent to a stranger");

    let ran = Ran::from(home.command(&arguments).env("SSL_CERT_FILE", "c/ca.pem").output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (0, "Done.\n"), "{}", ran.err);
    assert!(seen.try_iter().any(|line| line == format!("authorization: Bearer {TOKEN}")));
}
