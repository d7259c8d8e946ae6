//! Tables that lie next to each other in files: the tracks of Chinook name albums, artists and genres by number.

use std::collections::HashMap;
use std::path::Path;

use super::ShopError;
use crate::table::{Cell, Table, Value};

/// Columns that tables of tracks have.
const TRACK: [&str; 4] = ["TrackId", "AlbumId", "GenreId", "UnitPrice"];

/// `table` from the file `path`, with a column for what it names by number where it is one of tracks.
///
/// # Errors
/// Where a file that it needs is not there, or is no such table.
pub(super) fn joined(table: Table, path: &Path) -> Result<Table, ShopError> {
    if TRACK.iter().any(|column| table.column(column).is_none()) {
        return Ok(table);
    }
    let other = |kind: &str| read(path, kind);
    join(table, &other("Album")?, &other("Artist")?, &other("Genre")?).map_err(ShopError::Mapping)
}

/// The table of this kind next to that of tracks.
fn read(tracks: &Path, kind: &str) -> Result<Table, ShopError> {
    let name = tracks.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let path = tracks.with_file_name(name.replace("Track", kind));
    if path == tracks {
        let reason = format!("the file of tracks has a name with `Track`, next to which the one with `{kind}` lies");
        return Err(ShopError::Mapping(reason));
    }
    let read = Table::read(&path).map_err(|source| ShopError::Io { path: path.clone(), source })?;
    let first = |wrong: Vec<super::Wrong>| wrong.first().map(ToString::to_string).unwrap_or_default();
    read.map_err(|wrong| ShopError::Mapping(format!("{}: {}", path.display(), first(wrong))))
}

/// `tracks` with the columns `Album`, `Artist` and `Genre`.
pub(super) fn join(tracks: Table, albums: &Table, artists: &Table, genres: &Table) -> Result<Table, String> {
    let titles = by_id(albums, "AlbumId", "Title")?;
    let artist_of = by_id(albums, "AlbumId", "ArtistId")?;
    let artists = by_id(artists, "ArtistId", "Name")?;
    let genres = by_id(genres, "GenreId", "Name")?;
    let (Some(album), Some(genre)) = (tracks.column("AlbumId"), tracks.column("GenreId")) else { return Ok(tracks) };
    let Table { mut columns, mut rows } = tracks;
    columns.extend(["Album", "Artist", "Genre"].map(str::to_owned));
    for row in &mut rows {
        let album = row.cells.get(album).cloned();
        let genre = row.cells.get(genre).cloned();
        let title = found(&titles, album.as_ref());
        let artist = found(&artists, found(&artist_of, album.as_ref()).as_ref());
        let cell = |cell: Option<Cell>| cell.unwrap_or(Cell { place: row_place(row.line), value: Value::Missing });
        row.cells.extend([title, artist, found(&genres, genre.as_ref())].map(cell));
    }
    Ok(Table { columns, rows })
}

const fn row_place(line: u64) -> crate::table::Place {
    crate::table::Place { line, column: 1 }
}

/// The values of the column `name` by those of the column `id`.
fn by_id(table: &Table, id: &str, name: &str) -> Result<HashMap<String, Value>, String> {
    let column =
        |name: &str| table.column(name).ok_or_else(|| format!("the table next to that of tracks has no {name}"));
    let (id, name) = (column(id)?, column(name)?);
    let pair = |row: &crate::table::Row| match (row.cells.get(id)?.value.clone(), row.cells.get(name)?.value.clone()) {
        (Value::Text(id), value) => Some((id, value)),
        (Value::Missing | Value::Json(_), _) => None,
    };
    Ok(table.rows.iter().filter_map(pair).collect())
}

/// What the number in `cell` stands for, at the place of that number.
fn found(of: &HashMap<String, Value>, cell: Option<&Cell>) -> Option<Cell> {
    let cell = cell?;
    let Value::Text(id) = &cell.value else { return None };
    of.get(id).map(|value| Cell { place: cell.place, value: value.clone() })
}
