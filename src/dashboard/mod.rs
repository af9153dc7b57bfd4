//! Station 13, pages: what is known, for a browser, each in one file that needs nothing else.
//! The only user of `askama`.

mod compare_page;

pub use compare_page::compare_page;
