//! Rows of text in columns.

/// Appends rows; all columns but the last are as wide as their widest cell and two blanks. Widths
/// are bytes, and line ends become blanks, as the reference has it.
pub fn write_table(rows: &[Vec<String>], out: &mut String) {
    let n_columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max();
    let widths: Vec<usize> = (0..n_columns).map(|it| width(it).unwrap_or(0)).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            out.push_str(&cell.replace('\n', " "));
            if column + 1 < n_columns {
                out.extend(std::iter::repeat_n(' ', widths[column] - cell.len() + 2));
            }
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a", "long cell", "x"], vec!["bcd", "s\nt", ""]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        let mut out = String::new();
        write_table(&rows, &mut out);
        assert_eq!(out, "a    long cell  x\nbcd  s t        \n");
    }
}
