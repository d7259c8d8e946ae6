//! Clients that are known by where they are: networks of one's own, of whoever watches over the server, of scanners.

use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address, a network (`192.0.2.0/24`, `2001:db8::/32`) or a client's name where the server looked names up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Origin {
    text: String,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Network(u128, u32),
    Name,
}

/// Bits of an address of IPv6. Those of IPv4 are its last 32, below `::ffff:0:0`.
const BITS: u32 = 128;

/// A text that is neither an address nor a network nor a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is an address, a network such as 192.0.2.0/24, or a host name")]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (address, len) = text.split_once('/').map_or((text, None), |(address, len)| (address, Some(len)));
        let place = match (address.parse::<IpAddr>(), len) {
            (Ok(address), None) => Place::Network(bits(address), BITS),
            (Ok(address), Some(len)) => {
                let most = if address.is_ipv4() { 32 } else { BITS };
                let len: u32 = len.parse().map_err(|_| NotAnOrigin)?;
                if len > most {
                    return Err(NotAnOrigin);
                }
                Place::Network(bits(address), len + BITS - most)
            }
            (Err(_), None) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => Place::Name,
            (Err(_), _) => return Err(NotAnOrigin),
        };
        Ok(Self { text: text.to_owned(), place })
    }
}

impl TryFrom<String> for Origin {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.text
    }
}

/// Whether the client is of one of the origins.
#[must_use]
pub fn is_of(client: &[u8], origins: &[Origin]) -> bool {
    if origins.is_empty() {
        return false;
    }
    let address = std::str::from_utf8(client).ok().and_then(|text| text.parse().ok()).map(bits);
    origins.iter().any(|origin| match (&origin.place, address) {
        // A network of no bits is everywhere, and a shift by all of them none.
        (Place::Network(network, len), Some(address)) => (network ^ address).checked_shr(BITS - len).unwrap_or(0) == 0,
        (Place::Name, None) => origin.text.as_bytes().eq_ignore_ascii_case(client),
        (Place::Network(..), None) | (Place::Name, Some(_)) => false,
    })
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_of_the_networks_that_hold_them() {
        for (origin, client, is) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "::ffff:192.0.2.1", true),
            ("192.0.2.0/24", "192.0.3.1", false),
            ("198.51.100.7", "198.51.100.7", true),
            ("0.0.0.0/0", "198.51.100.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("office.example.com", "OFFICE.example.com", true),
            ("office.example.com", "example.com", false),
        ] {
            assert_eq!(is_of(client.as_bytes(), &[origin.parse().unwrap()]), is, "{origin} {client}");
        }
        for text in ["", "a b", "192.0.2.0/33", "example.com/8", "192.0.2.0/x"] {
            assert_eq!(text.parse::<Origin>(), Err(NotAnOrigin), "{text}");
        }
    }
}
