//! Pages that hand their answers on to the browser.

mod answers;
mod exactness;
mod hostile;
mod leaving;
mod magazine;
mod order;
mod place;
mod received;
mod samples;
mod typescript;
