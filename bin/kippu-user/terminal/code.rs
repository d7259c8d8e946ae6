//! An approval, and where it is to be presented, as a QR code (ISO/IEC 18004): near the settlement server, another device reads it and
//! sends the body that is in it.

use std::path::Path;

use qrcode::render::{svg, unicode};
use qrcode::{Color, EcLevel, QrCode};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::purchase::Approval;

/// The light border that readers want, in modules.
const QUIET: usize = 4;
/// The side of a module in a picture, in pixels: a phone reads a large code from a screen at arm's length.
const MODULE: usize = 6;
/// Such a code is read from a screen, which loses nothing.
const LEVEL: EcLevel = EcLevel::L;

/// What the code says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    /// Where `body` is to be posted.
    pub(super) post: String,
    pub(super) body: Body,
}

/// The command that presents the approval.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    pub(super) issuer: String,
    pub(super) token: String,
    pub(super) offer: String,
}

/// Where settlement servers take approvals.
const PATH: &str = "/v1/settlements";

impl Code {
    /// For `approval`, at the settlement server at `url`.
    pub(super) fn new(approval: &Approval, url: &str) -> Self {
        let Approval { issuer, token, statement, .. } = approval.clone();
        Self { post: format!("{url}{PATH}"), body: Body { issuer, token, offer: statement } }
    }

    /// Where the settlement server answers.
    pub(super) fn settler(&self) -> Option<&str> {
        self.post.strip_suffix(PATH)
    }

    /// What a reader gets.
    pub(super) fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|source| Error::NotOurs { path: "the QR code".into(), source })
    }

    /// The code itself.
    pub(super) fn drawn(&self) -> Result<Drawn, Error> {
        let drawn = QrCode::with_error_correction_level(self.text()?, LEVEL);
        let too_long =
            |_| Error::Usage("the offer has more items than a QR code takes: hand the approval over".to_owned());
        drawn.map(Drawn).map_err(too_long)
    }
}

/// A QR code.
pub(super) struct Drawn(QrCode);

impl Drawn {
    /// For a terminal.
    pub(super) fn characters(&self) -> String {
        let mut renderer = self.0.render::<unicode::Dense1x2>();
        renderer.quiet_zone(true).build()
    }

    /// As SVG.
    pub(super) fn svg(&self) -> String {
        let mut renderer = self.0.render::<svg::Color<'_>>();
        let side = u32::try_from(MODULE).unwrap_or(1);
        renderer.quiet_zone(true).module_dimensions(side, side).build()
    }

    /// As PNG, in black and white.
    pub(super) fn png(&self) -> Result<Vec<u8>, Error> {
        let (width, colours) = (self.0.width(), self.0.to_colors());
        let side = (width + 2 * QUIET) * MODULE;
        let module = |pixel: usize| (pixel / MODULE).checked_sub(QUIET).filter(|module| *module < width);
        let is_light = |x: usize, y: usize| match (module(x), module(y)) {
            (Some(x), Some(y)) => colours.get(y * width + x) != Some(&Color::Dark),
            (None, _) | (_, None) => true,
        };
        // One bit a pixel, each line to a whole byte.
        let line = side.div_ceil(8);
        let mut bits = vec![0_u8; line * side];
        for (y, bytes) in bits.chunks_mut(line).enumerate() {
            for x in (0..side).filter(|x| is_light(*x, y)) {
                if let Some(byte) = bytes.get_mut(x / 8) {
                    *byte |= 0x80 >> (x % 8);
                }
            }
        }
        let wrong = |error: png::EncodingError| Error::Usage(format!("the picture cannot be written: {error}"));
        let pixels = u32::try_from(side).unwrap_or(u32::MAX);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, pixels, pixels);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().map_err(wrong)?;
        writer.write_image_data(&bits).map_err(wrong)?;
        writer.finish().map_err(wrong)?;
        Ok(bytes)
    }
}

/// How a code is written, by the end of the file's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Png,
    Svg,
    /// What a reader gets.
    Text,
}

impl Form {
    /// The form of the file at `path`.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "png" => Some(Self::Png),
            "svg" => Some(Self::Svg),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(items: usize) -> Code {
        let statement = format!("e30.{}.c2ln", "QUJD".repeat(items * 40));
        let approval = Approval {
            id: None,
            issuer: "9fkz2v6q0hrt4w1n8b3c5d7j".to_owned(),
            token: format!("kpa_{}", "x".repeat(80)),
            statement,
            settler: None,
            expires_at: None,
        };
        Code::new(&approval, "http://127.0.0.1:7704")
    }

    /// What another library than the one that drew it reads in a picture.
    fn read(side: usize, is_light: impl Fn(usize, usize) -> bool) -> String {
        let grey = |x, y| if is_light(x, y) { 255 } else { 0 };
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    /// Shows D23.
    #[test]
    fn another_library_reads_the_png() {
        for items in [1, 6, 12] {
            let code = code(items);
            let bytes = code.drawn().unwrap().png().unwrap();
            let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            let side = info.width as usize;
            assert_eq!((info.height as usize, pixels.len()), (side, side * side));
            assert_eq!(read(side, |x, y| pixels[y * side + x] > 127), code.text().unwrap());
        }
    }

    /// Shows D23.
    #[test]
    fn another_library_reads_the_svg() {
        let code = code(3);
        let svg = code.drawn().unwrap().svg();
        let side: usize = svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        // It is one path of rectangles: M x y, then h width, v height, back.
        let path = svg.split(" d=\"").last().unwrap().split('"').next().unwrap();
        let mut dark = vec![false; side * side];
        for rectangle in path.split('M').skip(1) {
            let numbers: Vec<usize> =
                rectangle.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
            let (x, y, width, height) = (numbers[0], numbers[1], numbers[2], numbers[3]);
            for line in y..y + height {
                dark[line * side + x..line * side + x + width].fill(true);
            }
        }
        assert_eq!(read(side, |x, y| !dark[y * side + x]), code.text().unwrap());
    }

    #[test]
    fn an_offer_that_no_code_takes_is_refused() {
        assert!(matches!(code(30).drawn(), Err(Error::Usage(_))));
    }

    #[test]
    fn what_a_code_says_is_taken_over() {
        let code = code(1);
        let read: Code = serde_json::from_str(&code.text().unwrap()).unwrap();
        assert_eq!((read.settler(), &read), (Some("http://127.0.0.1:7704"), &code));
    }
}
