//! The same hub behind HTTPS, as the real one is: whose certificates are believed, and who is told secrets.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use glamm_engine::hub::settings::Authorities;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::*;

/// One that signs certificates, and nobody believes as yet.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server whose certificate is for `name`, valid until `year`.
    fn server(&self, name: &str, year: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }

    /// Its own certificate, in a file.
    fn file(&self, world: &World) -> PathBuf {
        let path = world.scratch.path().join("authority.pem");
        fs::write(&path, self.0.pem()).unwrap();
        path
    }
}

/// Answers HTTPS at an address of its own, which it returns, with what `address` answers by plain HTTP.
fn front(address: &str, server: &Arc<ServerConfig>) -> String {
    let behind = address.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = format!("https://{}", listener.local_addr().unwrap());
    let server = Arc::clone(server);
    thread::spawn(move || {
        for outer in listener.incoming().flatten() {
            let (server, inner) = (Arc::clone(&server), TcpStream::connect(&behind).unwrap());
            thread::spawn(move || pass_on(ServerConnection::new(server).unwrap(), &outer, &inner));
        }
    });
    secure
}

/// One request and its answer. What is cut behind is cut in front, without TLS's word of farewell.
fn pass_on(mut tls: ServerConnection, mut outer: &TcpStream, mut inner: &TcpStream) -> io::Result<()> {
    let mut stream = rustls::Stream::new(&mut tls, &mut outer);
    let (mut request, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
    inner.write_all(&request)?;
    loop {
        match inner.read(&mut buffer)? {
            0 => return Ok(()),
            read => stream.write_all(&buffer[..read])?,
        }
    }
}

fn secured(server: &Arc<ServerConfig>) -> World {
    World::around(Hub::start().behind(|address| front(address, server)))
}

#[test]
fn a_version_is_fetched_by_https_from_those_who_are_believed() {
    let authority = Authority::new();
    let mut world = secured(&authority.server("127.0.0.1", 2100));
    world.settings.authorities = Authorities::read("SSL_CERT_FILE", &authority.file(&world)).unwrap();
    world.settings.token = Token::parse(TOKEN);
    world.hub.make_private();
    world.pull().unwrap();
    world.assert_whole();
    let seen = world.hub.seen();
    assert!(seen.iter().any(|seen| seen.stage == Stage::Contents && seen.what == WEIGHTS));
    for seen in seen.iter().filter(|seen| seen.what == WEIGHTS) {
        assert_eq!(seen.authorization.is_some(), seen.stage != Stage::Contents, "{seen:?}");
    }
}

#[test]
fn what_is_cut_under_tls_goes_on_where_it_was_cut() {
    let authority = Authority::new();
    let mut world = secured(&authority.server("127.0.0.1", 2100));
    world.settings.authorities = Authorities::read("SSL_CERT_FILE", &authority.file(&world)).unwrap();
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::CutAfter(1_000_000));
    world.pull().unwrap();
    world.assert_whole();
    let offsets: Vec<_> =
        world.hub.seen_of(Stage::Contents, WEIGHTS).into_iter().map(|seen| seen.offset).collect();
    assert_eq!(offsets, [None, Some(1_000_000)]);
}

/// At once and in one line, not after as many attempts as for a broken connection.
#[test]
fn a_certificate_that_is_not_believed_is_said() {
    let authority = Authority::new();
    let fine = authority.server("127.0.0.1", 2100);
    for (server, believed, reason) in [
        (&fine, false, "UnknownIssuer"),
        (&authority.server("127.0.0.1", 2001), true, "expired"),
        (&authority.server("elsewhere.example", 2100), true, "not valid for name"),
    ] {
        let mut world = secured(server);
        if believed {
            world.settings.authorities = Authorities::read("SSL_CERT_FILE", &authority.file(&world)).unwrap();
        }
        world.settings.patience.first_pause = Duration::from_mins(1);
        let error = world.pull().unwrap_err();
        assert!(matches!(error, HubError::Certificate { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(reason) && text.contains("SSL_CERT_FILE"), "{text}");
        assert_eq!(world.hub.seen(), [], "nothing was asked");
        world.assert_intact();
    }
}

#[test]
fn nobody_is_sent_from_https_to_plain_http() {
    let authority = Authority::new();
    let mut world = secured(&authority.server("127.0.0.1", 2100));
    world.settings.authorities = Authorities::read("SSL_CERT_FILE", &authority.file(&world)).unwrap();
    let target = "http://127.0.0.1:9/contents".to_owned();
    world.hub.plan(Stage::Fetch, WEIGHTS, 1, Fault::Elsewhere(target));
    let error = world.pull().unwrap_err();
    assert!(matches!(error, HubError::InsecureRedirect { .. }), "{error:?}");
    world.assert_intact();
}

#[test]
fn a_file_of_certificates_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authorities.pem");
    for contents in [None, Some("no certificate"), Some("-----BEGIN CERTIFICATE-----\n!!\n")] {
        if let Some(contents) = contents {
            fs::write(&path, contents).unwrap();
        }
        let text = Authorities::read("SSL_CERT_FILE", &path).unwrap_err().to_string();
        assert!(text.contains("SSL_CERT_FILE") && text.contains("authorities.pem"), "{text}");
    }
}
