//! Files that people show in meetings.

use crate::random::Random;

/// A file of a meeting.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// One or two small files.
pub(crate) fn meeting_files(turn: u64, random: &mut Random) -> Vec<File> {
    let mut files = vec![small(turn % 2, random)];
    if random.percent(50) {
        files.push(presentation());
    }
    files
}

/// A small file, another sort at every turn.
pub(crate) fn small(turn: u64, random: &mut Random) -> File {
    match turn % 3 {
        0 => agenda(),
        1 => figures(random),
        _ => presentation(),
    }
}

/// A file of so many megabytes that nothing can compress.
pub(crate) fn large(megabytes: u64, random: &mut Random) -> File {
    let words = (0..megabytes * 125_000).flat_map(|_| random.next().to_le_bytes());
    File {
        name: format!("recording-{megabytes}.bin"),
        media_type: "application/octet-stream",
        bytes: words.collect(),
    }
}

fn agenda() -> File {
    let text = "Agenda\r\n======\r\n1. What is new\r\n2. Open points\r\n3. Next steps\r\n";
    File {
        name: "Agenda.txt".to_owned(),
        media_type: "text/plain",
        bytes: text.into(),
    }
}

fn figures(random: &mut Random) -> File {
    let mut text = "week,plan,actual\r\n".to_owned();
    for week in 1..=8 {
        let (plan, actual) = (1_000 + random.below(500), 1_000 + random.below(500));
        text.extend([format!("{week},{plan},{actual}\r\n")]);
    }
    File {
        name: "figures.csv".to_owned(),
        media_type: "text/csv",
        bytes: text.into(),
    }
}

/// A page with one line of text: the smallest PDF that viewers open without complaint.
fn presentation() -> File {
    let content = "BT /F1 32 Tf 72 400 Td (One year later) Tj ET";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 720 540]/Contents 4 0 R\
         /Resources<</Font<</F1 5 0 R>>>>>>"
            .to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        table.extend([format!("{:010} 00000 n \n", pdf.len())]);
        pdf.extend([format!("{number} 0 obj{object}endobj\n")]);
    }
    let (start, size) = (pdf.len(), objects.len() + 1);
    let trailer = format!("trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    pdf.extend([table, trailer]);
    File {
        name: "Präsentation.pdf".to_owned(),
        media_type: "application/pdf",
        bytes: pdf.into(),
    }
}
