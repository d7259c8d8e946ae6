//! What a directory is taken for.

use super::*;

#[test]
fn a_directory_of_somebody_else_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "").unwrap();
    let error = DataDir::new(dir.path()).look().unwrap_err();
    assert!(error.to_string().contains("thesis.tex"), "{error}");
}

#[test]
fn a_directory_is_whole_once_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::new(&dir.path().join("node"));
    assert_eq!(data.look().unwrap(), Found::Unfinished);
    data.make().unwrap();
    for folder in [data.log(), data.blobs(), data.entities(), data.views()] {
        fs::create_dir(folder).unwrap();
        assert_eq!(data.look().unwrap(), Found::Unfinished);
    }
    fs::write(data.blob_owners(), "").unwrap();
    assert_eq!(data.look().unwrap(), Found::Unfinished);
    data.finish(&Label::new(LogId([7; 16]), None, None)).unwrap();
    assert!(matches!(data.look().unwrap(), Found::Whole(label) if label.log == LogId([7; 16])));
}

#[test]
fn a_key_file_is_the_owners_alone_even_over_a_leftover() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::new(dir.path());
    data.make().unwrap();
    fs::write(dir.path().join("operator.key.new"), "left over").unwrap();
    data.write_operator_key("kpk_x").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(data.path()), mode(&data.operator_key())), (0o700, 0o600));
    assert_eq!(fs::read_to_string(data.operator_key()).unwrap(), "kpk_x\n");
}
