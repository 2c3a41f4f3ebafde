//! Mail. Every message has an id of its own that is the same for each repetition, and refers to the first one of its execution,
//! so that readers see one thread. A mail server that takes a message has it; what it does then nobody hears.

use super::{
    Parcel,
    line::{Line, Trouble, secret},
};
use lettre::{
    Message, SmtpTransport, Transport as _,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use quorate_policies::{
    Timestamp,
    document::{SmtpAccess, SmtpTls},
    policy::Smtp,
};
use std::time::{Duration, UNIX_EPOCH};

/// Deadlines that a mail may take in all: connecting, greeting, signing in, and the message itself.
const EXCHANGES_MAX: u32 = 3;

pub(super) async fn send(
    line: &Line,
    parcel: &Parcel,
    smtp: &Smtp,
    access: &SmtpAccess,
    now: Timestamp,
) -> Result<Option<String>, Trouble> {
    let (mail, id) = mail(parcel, smtp, now)?;
    let transport = transport(access, line.timeout.duration()).await?;
    line.pace().await;
    // The server's own words may quote the message; its code is enough.
    let sending = tokio::task::spawn_blocking(move || transport.send(&mail));
    // A few exchanges, each with the line's own deadline. The thread ends with them.
    match tokio::time::timeout(line.timeout.duration().saturating_mul(EXCHANGES_MAX), sending).await {
        Ok(Ok(Ok(_))) => Ok(Some(parcel.message.reference.clone().unwrap_or(id))),
        Ok(Ok(Err(error))) => {
            let code = error.status().map(|code| format!("the mail server answered {code}"));
            let why = code.unwrap_or_else(|| "the mail server cannot be reached, or not trusted".to_owned());
            Err(if error.is_permanent() { Trouble::lasting(why) } else { Trouble::passing(why) })
        }
        Ok(Err(_)) => Err(Trouble::passing("sending it was broken off")),
        Err(_) => Err(Trouble::passing("the mail server gave no answer in time")),
    }
}

async fn transport(access: &SmtpAccess, timeout: Duration) -> Result<SmtpTransport, Trouble> {
    let parameters = || async {
        let mut builder = TlsParameters::builder(access.host.clone());
        if let Some(file) = &access.ca_file {
            let pem = tokio::fs::read(file)
                .await
                .map_err(|error| Trouble::passing(format!("its ca_file cannot be read: {}", error.kind())))?;
            let authority = Certificate::from_pem(&pem)
                .map_err(|_| Trouble::lasting("its ca_file holds no certificate"))?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
        }
        builder.build_rustls().map_err(|_| Trouble::passing("the certificate authorities cannot be read"))
    };
    let (tls, port) = match access.tls {
        SmtpTls::Starttls => (Tls::Required(parameters().await?), 587),
        SmtpTls::Implicit => (Tls::Wrapper(parameters().await?), 465),
        SmtpTls::Off => (Tls::None, 25),
    };
    let mut builder = SmtpTransport::builder_dangerous(access.host.clone())
        .port(access.port.unwrap_or(port))
        .tls(tls)
        .timeout(Some(timeout));
    if let (Some(user), Some(file)) = (&access.user, &access.password_file) {
        builder = builder.credentials(Credentials::new(user.clone(), secret(file).await?));
    }
    Ok(builder.build())
}

/// The mail and its id.
fn mail(parcel: &Parcel, smtp: &Smtp, now: Timestamp) -> Result<(Message, String), Trouble> {
    let message = &parcel.message;
    let facts = &message.letter.facts;
    let id = format!("<{}.{}.{}@{}.quorate>", message.key, facts.execution, message.channel, parcel.cluster);
    let mailbox = |address: &String| {
        address.parse::<Mailbox>().map_err(|_| Trouble::lasting("one of its addresses is no mail address"))
    };
    let mut builder = Message::builder()
        .from(mailbox(&smtp.from)?)
        .date(UNIX_EPOCH + Duration::from_millis(now.0))
        .message_id(Some(id.clone()))
        .subject(message.letter.subject.lines().next().unwrap_or_default())
        .header(ContentType::TEXT_PLAIN);
    for to in &smtp.to {
        builder = builder.to(mailbox(to)?);
    }
    if let Some(first) = &message.reference {
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    // So that no absence note answers.
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    builder = builder.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
    let mail = builder
        .body(message.letter.text.clone())
        .map_err(|_| Trouble::lasting("the mail cannot be written"))?;
    Ok((mail, id))
}
