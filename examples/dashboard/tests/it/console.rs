//! A terminal that runs a program, and its screen as a person sees it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use portable_pty::{ChildKiller, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use vt100::{Parser, Screen};

/// Timeout of every step: much longer than it takes, because the machine may be busy.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Less than the remaining time of a load without an answer, which takes 5 s in total.
const LOAD: Duration = Duration::from_secs(4);

/// A terminal that runs a program.
pub struct Console {
    killer: Box<dyn ChildKiller + Send + Sync>,
    process: u32,
    /// Its exit status, when it has ended.
    ended: Receiver<u32>,
    keys: Box<dyn Write + Send>,
    picture: Arc<Picture>,
    master: Box<dyn MasterPty + Send>,
    /// Keeps the terminal open after the program has ended.
    slave: Option<Box<dyn SlavePty + Send>>,
    /// Reports when all output is on the screen, once the terminal is closed.
    all_shown: Receiver<()>,
    /// Its settings before the program began.
    before: String,
}

/// What is on the screen; updated with the program's output.
struct Picture {
    parser: Mutex<Parser>,
    /// All output of the program.
    written: Mutex<Vec<u8>>,
    changed: Condvar,
}

impl Console {
    /// Any program, in a terminal of 80 by 24.
    pub fn run(program: String, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        Self::start(command, (80, 24))
    }

    /// Any command, in a terminal with this many columns and rows.
    pub fn start(mut command: CommandBuilder, (cols, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        command.env("TERM", "xterm-256color");
        command.env_remove("RUST_BACKTRACE");
        let mut program = pair.slave.spawn_command(command).unwrap();
        let (killer, process) = (program.clone_killer(), program.process_id().unwrap());
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(program.wait().unwrap().exit_code()));
        let picture = Arc::new(Picture {
            parser: Mutex::new(Parser::new(non_zero(rows), non_zero(cols), 0)),
            written: Mutex::default(),
            changed: Condvar::new(),
        });
        let (output, shown) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&picture));
        let (sender, all_shown) = mpsc::channel();
        thread::spawn(move || {
            shown.follow(output);
            sender.send(())
        });
        let keys = pair.master.take_writer().unwrap();
        Self {
            killer,
            process,
            ended,
            keys,
            picture,
            master: pair.master,
            slave: Some(pair.slave),
            all_shown,
            before,
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        self.picture.parser.lock().unwrap().screen_mut().set_size(non_zero(rows), non_zero(cols));
        self.claim(cols, rows);
    }

    /// Sets the size that the terminal reports.
    pub fn claim(&self, cols: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Waits until the screen has all these parts, and returns its text.
    #[track_caller]
    pub fn shows(&self, parts: &[&str]) -> String {
        self.shows_where(&format!("{parts:?}"), |text| parts.iter().all(|part| text.contains(part)))
    }

    /// Waits until the text of the screen is as expected, and returns it.
    #[track_caller]
    pub fn shows_where(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        self.picture.wait_until(what, |screen| is_so(&screen.contents()))
    }

    /// All output of the program so far, as text.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.picture.written.lock().unwrap()).into_owned()
    }

    /// Makes the terminal accept no more output: every writer blocks.
    pub fn hold(&self) {
        let terminal = std::fs::File::open(self.master.tty_name().unwrap()).unwrap();
        rustix::termios::tcflow(terminal, rustix::termios::Action::OOff).unwrap();
    }

    /// Sends the program a signal to end.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    pub fn signal(&self, signal: &str) {
        let process = self.process.to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    /// Waits until the program has ended, and returns its exit status. Checks that the settings of the terminal are
    /// restored.
    #[track_caller]
    pub fn is_gone(&self) -> u32 {
        self.is_gone_within(LONGEST_WAIT)
    }

    #[track_caller]
    fn is_gone_within(&self, time: Duration) -> u32 {
        let status = self.ended.recv_timeout(time).expect("the program ends");
        assert_eq!(format!("{:?}", self.master.get_termios()), self.before);
        status
    }

    /// Waits until the program has ended and restored the terminal. Returns its exit status and what it left on the
    /// screen.
    #[track_caller]
    pub fn ends(&mut self) -> (u32, String) {
        self.ends_within(LONGEST_WAIT)
    }

    /// Like [`ends`](Self::ends), but sooner than a load without an answer.
    #[track_caller]
    pub fn ends_before_a_load(&mut self) -> (u32, String) {
        self.ends_within(LOAD)
    }

    #[track_caller]
    fn ends_within(&mut self, time: Duration) -> (u32, String) {
        let status = self.is_gone_within(time);
        drop(self.slave.take());
        self.all_shown.recv_timeout(LONGEST_WAIT).expect("no other process has the terminal open");
        let parser = self.picture.parser.lock().unwrap();
        let (screen, left) = (parser.screen(), parser.screen().contents());
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{left}");
        (status, left)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // It has ended already, unless the test has failed.
        let _ = self.killer.kill();
    }
}

impl Picture {
    fn follow(&self, mut output: impl Read) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            self.written.lock().unwrap().extend_from_slice(&bytes[..count]);
            self.parser.lock().unwrap().process(&bytes[..count]);
            self.changed.notify_all();
        }
    }

    #[track_caller]
    fn wait_until(&self, what: &str, is_so: impl Fn(&Screen) -> bool) -> String {
        let parser = self.parser.lock().unwrap();
        let (parser, waited) =
            self.changed.wait_timeout_while(parser, LONGEST_WAIT, |parser| !is_so(parser.screen())).unwrap();
        let text = parser.screen().contents();
        drop(parser);
        assert!(!waited.timed_out(), "no {what} in\n{text}");
        text
    }
}

fn non_zero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap()
}
