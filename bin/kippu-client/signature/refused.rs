//! Why a signature does not count.

use jiff::Timestamp;

use super::{AUDIENCE, digest};

/// Why a signed message does not count. What it quotes was written by whoever sent the message, and is printable ASCII.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody signed it.
    #[error("it is not signed")]
    Unsigned,
    /// One of the two header fields cannot be read, names a thing twice, or lacks what the other one has.
    #[error("its header field `{0}` has not the form of RFC 9421")]
    Malformed(&'static str),
    /// More than one signature is a party's, and nobody says which one is meant.
    #[error("{0} of its signatures are of parties: there may be one")]
    Ambiguous(usize),
    /// The signature names no key of a party.
    #[error("the `keyid` of its signature is not `PARTY.KEY`")]
    KeyId,
    /// The signature is made otherwise.
    #[error("its signature is by `{0}`: only `ed25519` counts")]
    Algorithm(String),
    /// A time is missing, or is none.
    #[error("its signature lacks the parameter `{0}`, in seconds since 1970")]
    Time(&'static str),
    /// The signature counts for too long, or for less than no time.
    #[error("its signature would count for {seconds} s: from 0 to {most} s are allowed")]
    Lifetime {
        /// For how long.
        seconds: i64,
        /// For how long it may.
        most: i64,
    },
    /// Its signer's clock is ahead of ours.
    #[error("the clocks of the two parties differ by {} s: the request was signed at {} by its signer's clock, and came at {} by the clock of \
         whom it asks", created.saturating_sub(*now), shown(*created), shown(*now))]
    Early {
        /// When it was made, in seconds since 1970.
        created: i64,
        /// What our clock says.
        now: i64,
    },
    /// It came late, or its signer's clock is behind ours.
    #[error("the clocks of the two parties differ, or the request is an old one: its signature counted until {} by its signer's clock, and it \
         came at {} by the clock of whom it asks", shown(*expires), shown(*now))]
    Late {
        /// Until when it counted, in seconds since 1970.
        expires: i64,
        /// What our clock says.
        now: i64,
    },
    /// A part that has to be covered is not.
    #[error("its signature does not cover {0}")]
    NotCovered(String),
    /// A part is named twice.
    #[error("its signature covers {0} twice")]
    Twice(String),
    /// A part is of a kind that is not known here.
    #[error("its signature covers {0}, which is not known here")]
    Unknown(String),
    /// A part is not there.
    #[error("its signature covers {0}, which it does not have")]
    Absent(String),
    /// A part holds what no signature can cover.
    #[error("{0} is not printable ASCII")]
    Unprintable(String),
    /// The request is for somebody else.
    #[error("its `{AUDIENCE}` is {0}, which is not the party of this node")]
    Audience(String),
    /// The body is another one.
    #[error(transparent)]
    Digest(#[from] digest::Refused),
    /// Somebody else has answered.
    #[error("it is signed by {signer}, and {asked} was asked")]
    Party {
        /// Who has.
        signer: String,
        /// Who should have.
        asked: String,
    },
    /// No key that counts has this id.
    #[error("no key of its signer that counts has the id {0}")]
    Key(String),
    /// The answer is to something else.
    #[error("it answers another request")]
    OtherRequest,
    /// What was signed is not what came.
    #[error("its signature is not that of its key over what came: something was altered")]
    Signature,
}

fn shown(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds} s since 1970"), |time| time.to_string())
}
