//! Rendering: CPU of one core, nothing else in the way.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use anyhow::Context as _;
use chatkeep_conversion::{Renderer, Sanitizer};
use chatkeep_model::{Content, Conversation, Transcript};
use chatkeep_staging::{FrameReader, FrameWriter};
use mail_builder::{MessageBuilder, headers::date::Date};
use mail_parser::MessageParser;
use serde::Deserialize;

use crate::{
    corpus::{
        Chat, Corpus, Form, escape,
        export::transcript,
        name,
        rendered::{NoFiles, options},
    },
    measure::{self, Sample, float, thread_cpu},
    options::Options,
    table::{Report, Series, times},
};

/// Different conversations per input, so that caches see some change.
const INPUTS: u32 = 500;
const LINES: u32 = 41;

/// Does the work once, returns the bytes that came out.
type Work<'a> = Box<dyn FnMut(usize) -> anyhow::Result<usize> + 'a>;

/// What is measured: a name, how many things one call does, and the call.
struct Contestant<'a> {
    name: &'a str,
    unit: u64,
    work: Work<'a>,
}

/// Measures and reports.
pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    report.section(
        "Conversion",
        "Input: a conversation as ingestion staged it; output: a message and its SHA-256, so parsing, rendering and \
         hashing are counted. mail-builder gets its two bodies made by string concatenation, Python's `email` the \
         same; ammonia cleans the same HTML and makes no message. Limited by: the bytes written, then SHA-256; for HTML \
         by html5ever.",
    );
    let seconds = if options.quick { 0.3 } else { 1.0 };
    let ten = plain(options, folder, 10, seconds)?;
    let many = plain(options, folder, LINES, seconds)?;
    let html = html(options, seconds)?;
    let rtf = rtf(options, seconds)?;
    report.costs("conversation", &[&ten[..], &many[..], &html[..]].concat());
    report.costs("line", &rtf);
    let micros = |series: &Series, aim: &str, report: &mut Report| {
        report.aim(&series.name, &format!("{:.1} us", series.micros()), aim);
    };
    micros(&ten[0], "<= 10 us", report);
    micros(&many[0], "<= 40 us", report);
    for pair in html.chunks(2) {
        let ratio = times(pair[0].micros(), pair[1].micros());
        report.aim(
            &format!("{} to ammonia alone", pair[0].name),
            &ratio,
            "<= 1.3x",
        );
    }
    micros(&rtf[0], "<= 2 us", report);
    Ok(())
}

fn plain(
    options: &Options,
    folder: &Path,
    lines: u32,
    seconds: f64,
) -> anyhow::Result<Vec<Series>> {
    let chats: Vec<_> = Corpus::of(INPUTS).with_lines(lines).chats().collect();
    let conversations: Vec<_> = chats
        .iter()
        .map(|chat| chat.conversation(Form::Plain))
        .collect();
    check(&chats, &conversations)?;
    let named = |who: &str| format!("{who}, plain text, {lines} lines");
    let (ours_name, builder_name) = (named("chatkeep"), named("mail-builder 2"));
    let contestants = vec![
        ours(&ours_name, &conversations, 1)?,
        Contestant {
            name: &builder_name,
            unit: 1,
            work: Box::new(|index| Ok(by_mail_builder(&chats[index])?.len())),
        },
    ];
    let mut python = Series::new(named("Python email"));
    let mut all = interleave(options, contestants, seconds, |_| {
        python
            .samples
            .push(by_python(options, folder, &chats, seconds)?);
        Ok(())
    })?;
    all.push(python);
    Ok(all)
}

fn html(options: &Options, seconds: f64) -> anyhow::Result<Vec<Series>> {
    let chats: Vec<_> = Corpus::of(INPUTS).with_lines(LINES).chats().collect();
    let bodies: Vec<_> = chats
        .iter()
        .map(|chat| chat.conversation(Form::Html))
        .collect();
    check(&chats, &bodies)?;
    let transcripts: Vec<_> = chats.iter().map(with_transcript).collect();
    check(&chats, &transcripts)?;
    let sources: Vec<_> = chats.iter().map(transcript).collect();
    let mut rules = ammonia::Builder::default();
    // Ours keeps styles too, the safe ones.
    rules.add_generic_attributes(["style"]);
    let contestants = vec![
        ours("chatkeep, 41 HTML bodies", &bodies, 1)?,
        Contestant {
            name: "ammonia alone, 41 HTML bodies",
            unit: 1,
            work: Box::new(|index| {
                let lines = chats[index].lines.iter();
                Ok(lines
                    .map(|line| rules.clean(&line.html()).to_string().len())
                    .sum())
            }),
        },
        ours("chatkeep, one HTML transcript", &transcripts, 1)?,
        Contestant {
            name: "ammonia alone, one HTML transcript",
            unit: 1,
            work: Box::new(|index| Ok(rules.clean(&sources[index]).to_string().len())),
        },
    ];
    interleave(options, contestants, seconds, |_| Ok(()))
}

fn rtf(options: &Options, seconds: f64) -> anyhow::Result<Vec<Series>> {
    let chats: Vec<_> = Corpus::of(INPUTS).with_lines(LINES).chats().collect();
    let conversations: Vec<_> = chats
        .iter()
        .map(|chat| chat.conversation(Form::Rtf))
        .collect();
    check(&chats, &conversations)?;
    let contestants = vec![ours(
        "chatkeep, RTF as Lync writes it",
        &conversations,
        LINES.into(),
    )?];
    interleave(options, contestants, seconds, |_| Ok(()))
}

/// A conversation as an export file has it.
pub(crate) fn with_transcript(chat: &Chat) -> Conversation {
    let mut conversation = chat.conversation(Form::Plain);
    conversation.content = Content::Transcript(Transcript {
        text: None,
        html: Some(transcript(chat)),
    });
    conversation
}

/// Parses a frame of a batch, renders and hashes it.
fn ours<'a>(
    name: &'a str,
    conversations: &[Conversation],
    unit: u64,
) -> anyhow::Result<Contestant<'a>> {
    let mut frames = Vec::with_capacity(conversations.len());
    for conversation in conversations {
        let mut writer = FrameWriter::new(Vec::new());
        writer.push(conversation)?;
        frames.push(writer.into_inner());
    }
    let (options, sanitizer) = (options(), Sanitizer::default());
    let mut sink = Vec::new();
    let work = move |index: usize| {
        sink.clear();
        let conversation = FrameReader::new(&frames[index][..]).next::<Conversation>()?;
        let conversation = conversation.context("an empty frame")?;
        Renderer::new(&options, &sanitizer).render(&conversation, &NoFiles, &mut sink)?;
        Ok(sink.len())
    };
    Ok(Contestant {
        name,
        unit,
        work: Box::new(work),
    })
}

/// Everybody in turn, as often as there are runs.
fn interleave(
    options: &Options,
    mut contestants: Vec<Contestant<'_>>,
    seconds: f64,
    mut others: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Series>> {
    let mut all: Vec<_> = contestants
        .iter()
        .map(|one| Series::new(one.name))
        .collect();
    for run in 0..options.runs() {
        for (contestant, series) in contestants.iter_mut().zip(&mut all) {
            series.samples.push(contestant.measure(seconds)?);
        }
        others(run)?;
    }
    Ok(all)
}

impl Contestant<'_> {
    fn measure(&mut self, seconds: f64) -> anyhow::Result<Sample> {
        let (mut count, mut bytes) = (0, 0);
        let begun = thread_cpu();
        let mut spent = 0.0;
        while spent < seconds {
            for index in 0..INPUTS as usize {
                bytes += (self.work)(index)? as u64;
            }
            count += u64::from(INPUTS) * self.unit;
            spent = thread_cpu() - begun;
        }
        Ok(Sample {
            count,
            bytes,
            seconds: spent,
            client: spent,
            ..Sample::default()
        })
    }
}

fn by_mail_builder(chat: &Chat) -> anyhow::Result<Vec<u8>> {
    let (mut text, mut html) = (String::new(), String::from("<html><body><table>\n"));
    for line in &chat.lines {
        let sender = name(&chat.participants[line.sender as usize]);
        let (hour, minute, second) = (line.at / 3600 % 24, line.at / 60 % 60, line.at % 60);
        let at = format!("{hour:02}:{minute:02}:{second:02}");
        writeln!(text, "[{at}] {sender}: {}", line.text)?;
        let escaped = escape(&line.text);
        writeln!(
            html,
            "<tr><td>{at}</td><td><b>{sender}</b></td><td>{escaped}</td></tr>"
        )?;
    }
    html.push_str("</table></body></html>\n");
    let to: Vec<_> = chat.participants[1..].iter().map(String::as_str).collect();
    let message = MessageBuilder::new()
        .date(Date::new(chat.start))
        .from(chat.participants[0].as_str())
        .to(to)
        .subject("Conversation")
        .message_id(format!("{}@bench.example", chat.index))
        .text_body(text)
        .html_body(html)
        .write_to_vec()?;
    Ok(message)
}

/// What the script prints.
#[derive(Deserialize)]
struct ScriptResult {
    count: u64,
    bytes: u64,
    cpu: f64,
}

fn by_python(
    options: &Options,
    folder: &Path,
    chats: &[Chat],
    seconds: f64,
) -> anyhow::Result<Sample> {
    let input = folder.join("chats.json");
    fs::write(&input, serde_json::to_vec(chats)?)?;
    let mut command = Command::new("python3");
    command
        .arg(options.peer("convert.py"))
        .arg(&input)
        .arg(seconds.to_string());
    let ended = measure::run(&mut command, &folder.join("convert.log"))?;
    let ended = ended.expect("convert.py", &[0])?;
    let result: ScriptResult = serde_json::from_str(&ended.output)?;
    Ok(Sample {
        count: result.count,
        bytes: result.bytes,
        seconds: result.cpu,
        client: result.cpu,
        ..Sample::default()
    })
}

/// Every chat message stands in both bodies of the message, as a mail program reads them.
fn check(chats: &[Chat], conversations: &[Conversation]) -> anyhow::Result<()> {
    let (options, sanitizer) = (options(), Sanitizer::default());
    for (chat, conversation) in chats.iter().zip(conversations) {
        let mut bytes = Vec::new();
        let renderer = Renderer::new(&options, &sanitizer);
        renderer.render(conversation, &NoFiles, &mut bytes)?;
        let message = MessageParser::default()
            .parse(&bytes)
            .context("parse rendered message")?;
        let text = words(&message.body_text(0).context("find text body")?);
        let html = words(&message.body_html(0).context("find HTML body")?);
        for line in &chat.lines {
            let is_in_text = text.contains(&words(&line.text));
            let is_in_html = html.contains(&words(&escape(&line.text)));
            anyhow::ensure!(
                is_in_text && is_in_html,
                "a chat message is missing in a rendered message"
            );
        }
    }
    anyhow::ensure!(float(chats.len() as u64) > 0.0, "nothing was rendered");
    Ok(())
}

/// Lines may break anywhere between words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
