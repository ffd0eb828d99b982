//! SIGTERM: what is held is finished, what is not begun is given back.

use crate::{
    cluster::Cluster,
    running::Running,
    servers::Servers,
    system::{Form, STAGES},
    work::{hold, sessions, wait_for_mail},
};

#[test]
fn a_program_that_is_told_to_stop_ends_in_time_and_its_work_is_done_by_others() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(200));
    let held = hold(cluster.sandbox());
    let mut archiving = cluster.command(&["archive", "connector.toml"]);
    let archiving = Running::start(&mut archiving);
    wait_for_mail(cluster.sandbox());

    for name in STAGES.into_iter().chain(["control"]) {
        for program in cluster.of(name) {
            program.terminate();
            program.start();
        }
    }
    drop(held);

    let (code, said) = archiving.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(cluster.sandbox().mails("ann@contoso.com").len(), 200);
    assert_eq!(cluster.sandbox().mails("bob@contoso.com").len(), 200);
}

#[test]
fn programs_with_nothing_to_do_end_at_once() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(0));

    for program in &mut cluster.programs {
        assert_eq!(program.get("/livez").map(|(status, _)| status), Some(200));
        program.terminate();
    }
}
