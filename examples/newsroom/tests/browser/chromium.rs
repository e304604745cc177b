//! A headless Chromium, driven through its DevTools protocol: JSON over a web socket. Knows nothing of the newspaper.

use std::env;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Timeout of every step of the browser.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    // The pages are our own. Running as root, as in containers, there is no sandbox.
    "--no-sandbox",
    "about:blank",
];

pub struct Chromium {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u64,
    /// Killed when this is dropped.
    _process: Child,
    /// The profile of the browser.
    _folder: TempDir,
}

/// One page of the browser.
#[derive(Clone, Debug)]
pub struct Tab(String);

impl Chromium {
    pub async fn start() -> Self {
        let program = env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(&program)
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .args(ARGUMENTS)
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start `{program}`: {error}"));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("Chromium ended before it was ready");
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    return address.to_owned();
                }
            }
        };
        let address = timeout(LONGEST_WAIT, address).await.expect("Chromium does not listen");
        // Later output does not matter, but must be read.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let (socket, _) = connect_async(address).await.unwrap();
        Self { socket, calls: 0, _process: process, _folder: folder }
    }

    pub async fn open(&mut self, url: &str) -> Tab {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call(None, "Target.attachToTarget", attach).await;
        let tab = Tab(session["sessionId"].as_str().unwrap().to_owned());
        self.in_tab(&tab, "Page.enable", json!({})).await;
        // As if each page had a window of its own. Otherwise a page behind another one would be hidden, and stop its
        // events after a while.
        self.in_tab(&tab, "Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        self.size(&tab, 1280, 900).await;
        self.go(&tab, url).await;
        tab
    }

    pub async fn go(&mut self, tab: &Tab, url: &str) {
        self.in_tab(tab, "Page.navigate", json!({ "url": url })).await;
        self.wait(tab, &format!("location.href === {} && document.readyState === 'complete'", json!(url)))
            .await;
    }

    /// The value of an expression in JavaScript.
    pub async fn evaluate(&mut self, tab: &Tab, expression: &str) -> Value {
        let call = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.in_tab(tab, "Runtime.evaluate", call).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn wait<'a>(&'a mut self, tab: &'a Tab, expression: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let end = Instant::now() + LONGEST_WAIT;
            while self.evaluate(tab, expression).await != true {
                assert!(Instant::now() < end, "{caller}: timed out waiting for {expression}");
                sleep(Duration::from_millis(30)).await;
            }
        }
    }

    /// Clicks on the middle of an element.
    pub async fn click(&mut self, tab: &Tab, selector: &str) {
        let place = format!(
            "(() => {{ const one = document.querySelector({}); one.scrollIntoView({{ block: 'center', behavior: 'instant' }});
             const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            json!(selector)
        );
        let place = self.evaluate(tab, &place).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.in_tab(tab, "Input.dispatchMouseEvent", event).await;
        }
    }

    /// Clicks on a field and types.
    pub async fn write(&mut self, tab: &Tab, selector: &str, text: &str) {
        self.click(tab, selector).await;
        self.in_tab(tab, "Input.insertText", json!({ "text": text })).await;
    }

    pub async fn size(&mut self, tab: &Tab, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.in_tab(tab, "Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Sets whether scripts of pages run.
    pub async fn scripts(&mut self, tab: &Tab, run: bool) {
        self.in_tab(tab, "Emulation.setScriptExecutionDisabled", json!({ "value": !run })).await;
    }

    /// Presses a key: `Tab` or `Enter`.
    pub async fn press(&mut self, tab: &Tab, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            _ => panic!("no code for the key {key}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.in_tab(tab, "Input.dispatchKeyEvent", event).await;
        }
    }

    /// `light` or `dark`.
    pub async fn scheme(&mut self, tab: &Tab, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.in_tab(tab, "Emulation.setEmulatedMedia", features).await;
    }

    pub async fn picture(&mut self, tab: &Tab, file: &Path) {
        // A page behind another one is not drawn.
        self.in_tab(tab, "Page.bringToFront", json!({})).await;
        let picture = self.in_tab(tab, "Page.captureScreenshot", json!({ "format": "png" })).await;
        std::fs::write(file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    async fn in_tab(&mut self, tab: &Tab, method: &str, arguments: Value) -> Value {
        self.call(Some(tab), method, arguments).await
    }

    /// Calls a method and waits for its answer; skips events that arrive meanwhile.
    async fn call(&mut self, tab: Option<&Tab>, method: &str, arguments: Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": arguments });
        if let Some(Tab(session)) = tab {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let message = timeout(LONGEST_WAIT, self.socket.next()).await;
            let message = message.unwrap_or_else(|_| panic!("no answer to {method}")).unwrap().unwrap();
            let Ok(text) = message.to_text() else { continue };
            let Ok(answer) = serde_json::from_str::<Value>(text) else { continue };
            if answer["id"] == self.calls {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }
}
