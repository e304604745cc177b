//! Connections that break.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Passes connections on to a service, and cuts them.
pub struct Cutter {
    pub address: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
}

impl Cutter {
    pub async fn before(service: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(JoinSet::new())));
        let all = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut browser, _)) = listener.accept().await {
                all.lock().await.spawn(async move {
                    let Ok(mut service) = TcpStream::connect(service).await else { return };
                    // Errors are the end of a connection.
                    let _ = copy_bidirectional(&mut browser, &mut service).await;
                });
            }
        });
        Self { address, connections }
    }

    pub async fn cut(&self) {
        self.connections.lock().await.shutdown().await;
    }
}
