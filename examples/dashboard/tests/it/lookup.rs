//! The end during a lookup of a host name, which the C library does on a thread that nothing can stop.

use std::fs::File;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::console::Console;

/// The C library reads the file `HOSTALIASES` when it looks up a name without dots. A named pipe without a writer
/// blocks the lookup, without any network.
#[test]
fn it_ends_at_once_while_a_host_name_is_looked_up() {
    let ends: [fn(&mut Console); 3] = [|it| it.press("q"), |it| it.press("\x03"), |it| it.terminate()];
    for end in ends {
        let folder = tempfile::tempdir().unwrap();
        let aliases = folder.path().join("aliases");
        assert!(Command::new("mkfifo").arg(&aliases).status().unwrap().success());
        let variable = ("HOSTALIASES", aliases.as_os_str());
        let mut console = Console::dashboard_with(variable, &["--url", "http://newsroom"]);
        let (sender, opened) = channel();
        // Succeeds once the lookup has opened the pipe.
        thread::spawn(move || sender.send(File::options().write(true).open(aliases).unwrap()));
        let lookup = opened.recv_timeout(Duration::from_secs(15)).expect("a lookup that reads the file");
        console.shows(&["○ pending"]);
        end(&mut console);
        assert_eq!(console.ends_before_a_load(), (0, String::new()));
        drop(lookup);
    }
}
