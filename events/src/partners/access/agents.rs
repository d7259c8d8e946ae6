//! Which agents are robots: by texts within their names, in whatever case, all of them sought in one pass.

/// Shorter texts would be found in nearly every agent.
pub const SHORTEST: usize = 3;
/// Bits of a filter over three letters, of which each counts with the five bits that do not tell its case.
const WORDS: usize = (1 << 15) / 64;

/// Texts to be found in agents.
#[derive(Debug, Clone)]
pub struct Agents {
    texts: Vec<Vec<u8>>,
    filter: Box<[u64; WORDS]>,
}

impl Agents {
    /// `None` if a text is shorter than [`SHORTEST`].
    #[must_use]
    pub fn of(texts: &[String]) -> Option<Self> {
        let mut filter = Box::new([0; WORDS]);
        for text in texts {
            let [a, b, c, ..] = text.as_bytes() else { return None };
            let key = key(*a, *b, *c);
            filter[key >> 6] |= 1 << (key & 63);
        }
        Some(Self { texts: texts.iter().map(|text| text.as_bytes().to_vec()).collect(), filter })
    }

    /// Whether one of the texts is in `agent`. ASCII letters are the same in both cases.
    #[must_use]
    pub fn find(&self, agent: &[u8]) -> bool {
        let mut word = 0;
        agent.iter().enumerate().any(|(at, byte)| {
            word = (word << 5 | usize::from(byte & 31)) & (WORDS * 64 - 1);
            self.filter[word >> 6] >> (word & 63) & 1 == 1
                && at + 1 >= SHORTEST
                && self.begins(&agent[at + 1 - SHORTEST..])
        })
    }

    #[cold]
    fn begins(&self, agent: &[u8]) -> bool {
        self.texts.iter().any(|text| agent.get(..text.len()).is_some_and(|found| found.eq_ignore_ascii_case(text)))
    }
}

fn key(a: u8, b: u8, c: u8) -> usize {
    usize::from(a & 31) << 10 | usize::from(b & 31) << 5 | usize::from(c & 31)
}

/// Robots that say so, and what programs say that nobody told to say anything else.
pub const ROBOTS: [&str; 34] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "scrape",
    "archiver",
    "transcoder",
    "facebookexternalhit",
    "mediapartners",
    "feedfetcher",
    "feedburner",
    "preview",
    "validator",
    "monitor",
    "pingdom",
    "uptime",
    "lighthouse",
    "headless",
    "phantomjs",
    "curl/",
    "wget",
    "python",
    "java/",
    "okhttp",
    "go-http-client",
    "libwww",
    "httpclient",
    "axios/",
    "node-fetch",
    "scrapy",
    "nikto",
    "sqlmap",
    "nmap",
    "zgrab",
];

/// Agents of people that a text of [`ROBOTS`] is in: a maker of telephones.
pub const PEOPLE: [&str; 1] = ["cubot"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_whatever_case_and_wherever_they_are() {
        let agents = Agents::of(&["bot".to_owned(), "go-http".to_owned()]).unwrap();
        for agent in ["Googlebot/2.1", "BOT", "x Go-HTTP", "a bob bot"] {
            assert!(agents.find(agent.as_bytes()), "{agent}");
        }
        // `"/4"` is `BoT` to the filter alone.
        for agent in ["", "bo", "Mozilla/5.0", "go-htt", "\"/4", "b/t"] {
            assert!(!agents.find(agent.as_bytes()), "{agent}");
        }
        assert!(Agents::of(&["ab".to_owned()]).is_none());
    }
}
