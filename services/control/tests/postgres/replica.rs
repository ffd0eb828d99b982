//! Control in a process of its own, so that it can be killed. It publishes by writing to its standard
//! output; whoever started it passes that on to the queue.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use chatkeep_control::{Clock, Settings};
use chatkeep_pipeline::{Envelope, MemoryQueue, Queue, QueueError, Receiver};
use chatkeep_runtime::{GrpcChannel, Lifecycle};
use chatkeep_staging::Staging;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use tonic::{
    Status,
    transport::{Endpoint, Server},
};
use tower::{ServiceExt as _, service_fn, util::BoxCloneSyncService};

/// What the process is told by its environment.
#[derive(Deserialize)]
struct Orders {
    control: Settings,
    folder: PathBuf,
    address: SocketAddr,
}

/// Not a test: what [`Replica::start`] starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "other tests start it as a process"]
async fn process() {
    let orders: Orders = chatkeep_runtime::settings::load("", None).unwrap();
    let lifecycle = Lifecycle::detached();
    let staging = Staging::folder(&orders.folder.join("staging")).unwrap();
    let queue: Arc<dyn Queue> = Arc::new(Output(Mutex::default()));
    let folder = &orders.folder;
    let settings = (&orders.control, clock(folder));
    let started = chatkeep_control::start_with_clock(settings, folder, queue, staging, &lifecycle);
    let servers = started.await.unwrap();
    let server = Server::builder()
        .add_service(servers.ledger)
        .add_service(servers.control);
    server.serve(orders.address).await.unwrap();
}

/// The system's clock, or one that stands where the folder's file says.
fn clock(folder: &Path) -> Clock {
    let file = folder.join("clock");
    let read = move || {
        let seconds = std::fs::read_to_string(&file).ok()?.parse().ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    };
    let Some(time) = read() else {
        return Clock::default();
    };
    let clock = Clock::standing_at(time);
    let (standing, mut last) = (clock.clone(), time);
    // Ends with the process.
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(5));
            if let Some(time) = read().filter(|&time| time != last) {
                last = time;
                standing.set(time);
            }
        }
    });
    clock
}

/// A queue that only hands over.
struct Output(Mutex<()>);

#[async_trait]
impl Queue for Output {
    async fn publish(&self, queue: &str, envelope: Envelope) -> Result<(), QueueError> {
        let _one_at_a_time = self.0.lock().unwrap();
        let body = HEXLOWER.encode(&envelope.body);
        let mut output = std::io::stdout().lock();
        writeln!(output, "publish {queue} {} {body}", envelope.id).unwrap();
        output.flush().unwrap();
        Ok(())
    }

    async fn waiting(&self, _queue: &str) -> Result<Option<u64>, QueueError> {
        Ok(None)
    }

    async fn consume(&self, _queue: &str, _prefetch: u16) -> Result<Box<dyn Receiver>, QueueError> {
        unreachable!("control consumes nothing")
    }
}

/// A control process; it is killed when the value is dropped.
pub(crate) struct Replica {
    child: Child,
    pub(crate) channel: GrpcChannel,
}

impl Replica {
    pub(crate) fn start(settings: &Settings, folder: &Path, queue: &MemoryQueue) -> Self {
        let postgres = settings.postgres.as_ref().unwrap();
        let address =
            SocketAddr::from((Ipv4Addr::LOCALHOST, chatkeep_testkit::free_port().unwrap()));
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "replica::process", "--ignored", "--nocapture"]);
        let password = postgres.password.as_ref().unwrap().to_string();
        for (name, value) in [
            ("FOLDER", folder.display().to_string()),
            ("ADDRESS", address.to_string()),
            ("CONTROL__LINGER", format!("{:?}", settings.linger)),
            ("CONTROL__FENCE", format!("{:?}", settings.fence)),
            ("CONTROL__POSTGRES__URL", postgres.url.clone()),
            ("CONTROL__POSTGRES__PASSWORD", password),
        ] {
            command.env(format!("CHATKEEP__{name}"), value);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let queue = queue.clone();
        // Ends with the process.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let words: Vec<_> = line.split(' ').collect();
                if let ["publish", name, id, body] = words[..] {
                    let body = HEXLOWER.decode(body.as_bytes()).unwrap();
                    let publish = queue.publish(name, Envelope::new(id.to_owned(), body));
                    futures::executor::block_on(publish).unwrap();
                }
            }
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let endpoint = endpoint.connect_timeout(Duration::from_secs(2));
        let channel = endpoint
            .connect_lazy()
            .map_err(|_| Status::unavailable("replica"));
        Self {
            child,
            channel: BoxCloneSyncService::new(channel),
        }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The channels of replicas that live.
pub(crate) type Channels = Arc<Mutex<Vec<GrpcChannel>>>;

/// Takes another channel for every call.
pub(crate) fn alternating(channels: &Channels) -> GrpcChannel {
    let (channels, calls) = (Arc::clone(channels), Arc::new(AtomicUsize::new(0)));
    BoxCloneSyncService::new(service_fn(move |request| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        let channels = channels.lock().unwrap();
        channels[call % channels.len()].clone().oneshot(request)
    }))
}
