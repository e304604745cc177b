//! However the program ends, the terminal is as it was.

use crate::console::Console;
use crate::newsroom::Newsroom;

#[test]
fn three_keys_and_a_signal_end_it() {
    let newsroom = Newsroom::start();
    let ends: [fn(&mut Console); 4] =
        [|it| it.press("q"), |it| it.press("\x1b"), |it| it.press("\x03"), |it| it.terminate()];
    for end in ends {
        let mut console = Console::dashboard(&["--url", &newsroom.url()]);
        console.shows(&["● fresh"]);
        end(&mut console);
        assert_eq!(console.ends(), (0, String::new()));
    }
}
