"""The checker has to notice every kind of wrong history: each test alters one good history in one place."""

import copy

import pytest

from chaos.history import ACCEPTED, REFUSED, UNKNOWN, History, Submission
from chaos.schedule import KINDS, LEAD_IN, NAMESPACE_KINDS, SENTINEL_KINDS, absence, place, schedule
from chaos.verdict import judge

ASYNC, SYNC, ECHO = "20261123112439000001", "20261123112439000002", "20261123112439000003"
MINIONS = ["m0", "m1"]
TOKENS = {ASYNC: "submitter0-1-0", SYNC: "submitter0-1-1", ECHO: "submitter0-1-2"}
FUNCTIONS = {ASYNC: "cmd.run", SYNC: "cmd.run", ECHO: "test.echo"}


class Past:
    """Three jobs of one submitter on two minions, recorded by two masters; a test alters it before it is judged."""

    def __init__(self):
        self.submissions = {jid: self.submission(i, jid) for i, jid in enumerate(TOKENS)}
        self.executions = {minion: [TOKENS[ASYNC], TOKENS[SYNC]] for minion in MINIONS}
        self.jobs = dict(TOKENS)
        records = {jid: {"expected": MINIONS, "minions": {minion: self.entry(jid) for minion in MINIONS}} for jid in TOKENS}
        self.records = {master: copy.deepcopy(records) for master in ("a", "b")}
        self.delivered = [self.line(jid, minion) for jid in TOKENS for minion in MINIONS]
        self.crashes, self.unrest = [], []

    @staticmethod
    def submission(i, jid):
        waits = jid != ASYNC
        printed = {minion: TOKENS[jid] for minion in MINIONS} if waits else {}
        one = Submission(TOKENS[jid], FUNCTIONS[jid], MINIONS, "submitter0", "a", waits, jid == ASYNC, float(i), i + 0.5, ACCEPTED)
        one.status, one.jid, one.printed = 0, jid, printed
        return one

    @staticmethod
    def entry(jid, **more):
        return {"state": "returned", "retcode": 0, "success": True, "return": TOKENS[jid], **more}

    @staticmethod
    def line(jid, minion, **more):
        known = {"jid": jid, "id": minion, **Past.entry(jid), "outcome": "returned", "received": 1_000_000}
        return {**known, **more}

    def everywhere(self, jid, minion, **more):
        """Another record and delivery of one minion, on all masters."""
        for jobs in self.records.values():
            jobs[jid]["minions"][minion].update(more)
        for line in self.lines(jid, minion):
            line.update({"outcome" if key == "state" else key: value for key, value in more.items()})

    def unanswered(self, jid, minion, state):
        for jobs in self.records.values():
            jobs[jid]["minions"][minion] = {"state": state, "reason": "why"}
        self.delivered = [line for line in self.delivered if (line["jid"], line["id"]) != (jid, minion)]

    def lines(self, jid, minion):
        return [line for line in self.delivered if (line["jid"], line["id"]) == (jid, minion)]

    def history(self):
        values = {**self.__dict__, "submissions": list(self.submissions.values())}
        return History(**values)

    def fails(self, *names):
        failures = judge(self.history()).failures
        assert sorted(failures) == sorted(names), dict(failures)
        return " ".join(sentence for sentences in failures.values() for sentence in sentences)


@pytest.fixture
def past():
    return Past()


def test_a_good_history_passes_and_is_counted(past):
    past.fails()
    assert judge(past.history()).counts == {
        "submitted": {"accepted": 3},
        "jobs": 3,
        "executed": 4,
        "minions' parts": {"returned": 6},
        "delivered": 6,
        "delivered again": 0,
        "refused and ran all the same": 0,
    }


def test_a_history_survives_its_file(past, tmp_path):
    past.history().save(tmp_path / "history.json")
    assert History.load(tmp_path / "history.json") == past.history()


# ---- what is allowed ----


def test_a_return_may_be_delivered_again(past):
    past.delivered.append(past.line(ASYNC, "m0"))
    past.fails()


def test_an_interrupted_job_may_have_begun_or_not(past):
    past.everywhere(ASYNC, "m0", state="interrupted", success=False, **{"return": "stopped"})
    past.executions["m1"].remove(TOKENS[ASYNC])
    past.everywhere(ASYNC, "m1", state="interrupted", success=False, **{"return": "stopped"})
    past.fails()


def test_a_job_that_was_refused_or_cut_off_may_be_known_or_not(past):
    for jid, outcome in ((ASYNC, REFUSED), (SYNC, UNKNOWN)):
        past.submissions[jid].outcome = outcome
        past.submissions[jid].jid = None
    past.fails()
    gone = past.submissions[ECHO]
    gone.outcome, gone.jid, gone.printed, gone.status = REFUSED, None, {}, 4
    del past.jobs[ECHO]
    for jobs in past.records.values():
        del jobs[ECHO]
    past.delivered = [line for line in past.delivered if line["jid"] != ECHO]
    past.fails()


def test_a_job_without_expires_may_end_unanswered_when_it_did_not_run(past):
    past.submissions[ASYNC].expires = False
    past.executions["m0"].remove(TOKENS[ASYNC])
    past.unanswered(ASYNC, "m0", "expired")
    past.fails()


# ---- lost ----


def test_a_job_that_no_master_knows_is_lost(past):
    for jobs in past.records.values():
        jobs[ECHO] = None
    past.submissions[ECHO].printed = {}
    past.submissions[ECHO].status = 2
    past.delivered = [line for line in past.delivered if line["jid"] != ECHO]
    assert "no master knows" in past.fails("LOST")


def test_an_execution_without_a_record_is_lost(past):
    past.submissions[ASYNC].expires = False
    past.unanswered(ASYNC, "m1", "expired")
    assert "ran on m1" in past.fails("LOST")


def test_an_execution_of_a_cut_off_command_without_any_record_is_lost(past):
    one = past.submissions[ASYNC]
    one.outcome, one.jid = UNKNOWN, None
    del past.jobs[ASYNC]
    for jobs in past.records.values():
        del jobs[ASYNC]
    past.delivered = [line for line in past.delivered if line["jid"] != ASYNC]
    assert "ran on m0" in past.fails("LOST")


def test_a_job_with_expires_that_nobody_answered_is_lost(past):
    past.executions["m0"].remove(TOKENS[ASYNC])
    past.unanswered(ASYNC, "m0", "not_delivered")
    assert "has not answered" in past.fails("LOST")


def test_a_return_that_the_caller_was_shown_and_that_is_not_recorded_is_lost(past):
    past.unanswered(ECHO, "m0", "expired")
    assert "the caller was shown a return of m0 that is not recorded" in past.fails("LOST")


# ---- doubled ----


def test_a_second_execution_is_doubled(past):
    past.executions["m1"].append(TOKENS[SYNC])
    assert "ran 2 times on m1" in past.fails("DOUBLED")


def test_two_jobs_for_one_submission_are_doubled(past):
    past.jobs["20261123112439000009"] = TOKENS[ECHO]
    assert "has 2 jids" in past.fails("DOUBLED")


def test_two_different_returns_of_one_minion_are_doubled(past):
    past.delivered.append(past.line(SYNC, "m0", retcode=7))
    assert "different returns of m0" in past.fails("DOUBLED")


# ---- misreported ----


def test_a_recorded_value_of_another_job_is_misreported(past):
    past.everywhere(ASYNC, "m0", **{"return": "submitter0-1-1"})
    assert "recorded of m0" in past.fails("MISREPORTED")


def test_a_printed_value_that_is_not_the_recorded_one_is_misreported(past):
    past.submissions[SYNC].printed["m0"] = "something else"
    assert "'something else' of m0" in past.fails("MISREPORTED")


def test_a_printed_return_of_a_minion_that_was_not_asked_is_misreported(past):
    past.submissions[ECHO].printed["m7"] = TOKENS[ECHO]
    past.fails("MISREPORTED", "LOST")


def test_success_that_the_caller_was_told_without_all_returns_is_misreported(past):
    del past.submissions[SYNC].printed["m1"]
    assert "told success" in past.fails("MISREPORTED")


def test_no_match_for_minions_that_match_is_misreported(past):
    past.submissions[ECHO].status = 3
    assert "no minion matches" in past.fails("MISREPORTED")


@pytest.mark.parametrize("state", ["refused", "unknown", "no_match"])
def test_a_job_that_ran_and_is_recorded_as_not_run_is_misreported(past, state):
    past.everywhere(ASYNC, "m0", state=state)
    past.fails("MISREPORTED")


def test_other_expected_minions_than_were_asked_are_misreported(past):
    for jobs in past.records.values():
        jobs[SYNC]["expected"] = ["m0", "m1", "m2"]
    assert "expected are" in past.fails("MISREPORTED")


# ---- invented, undelivered, reordered, disagreed ----


def test_a_recorded_return_without_an_execution_is_invented(past):
    past.executions["m0"].remove(TOKENS[ASYNC])
    assert "which did not run it" in past.fails("INVENTED")


def test_success_that_a_caller_was_shown_without_an_execution_is_both(past):
    past.executions["m0"].remove(TOKENS[SYNC])
    past.fails("INVENTED", "MISREPORTED")


def test_an_execution_that_nobody_asked_for_is_invented(past):
    past.executions["m0"].append("submitter9-1-0")
    past.fails("INVENTED")


def test_a_delivery_that_is_not_recorded_is_invented(past):
    past.delivered.append(past.line(ASYNC, "m9"))
    past.fails("INVENTED")


def test_a_recorded_return_that_no_returner_got_is_undelivered(past):
    past.delivered.remove(past.line(SYNC, "m1"))
    assert SYNC in past.fails("UNDELIVERED")


def test_a_recorded_return_of_which_the_returners_got_another_is_undelivered(past):
    past.lines(SYNC, "m1")[0]["return"] = "another"
    past.fails("UNDELIVERED")


def test_a_later_job_that_ran_before_one_that_was_answered_is_reordered(past):
    later = Submission("submitter0-1-3", "cmd.run", ["m0"], "submitter0", "a", False, False, 5.0, 5.1, REFUSED, 4)
    past.submissions["later"] = later
    past.executions["m0"].append(later.token)
    jid = "20261123112439000004"
    past.jobs[jid] = later.token
    for jobs in past.records.values():
        jobs[jid] = {"expected": ["m0"], "minions": {"m0": {**past.entry(SYNC), "return": later.token}}}
    past.delivered.append({**past.line(SYNC, "m0"), "jid": jid, "return": later.token})
    past.fails()
    past.executions["m0"].insert(0, past.executions["m0"].pop())
    assert "m0 ran submitter0-1-3" in past.fails("REORDERED")


def test_a_command_that_waits_on_after_the_last_return_hangs(past):
    one = past.submissions[ECHO]
    one.status, one.printed, one.given_up = None, {}, 10.0
    past.fails()
    one.given_up = 26.0
    assert "all had returned" in past.fails("HUNG")
    past.lines(ECHO, "m1")[0]["received"] = 20_000_000
    past.fails()


def test_masters_that_say_different_things_are_noticed(past):
    past.records["b"][SYNC]["minions"]["m0"] = {"state": "running"}
    assert "'b': {'m0': ['running', None]}" in past.fails("DISAGREED")
    past.records["b"][SYNC] = None
    assert "no such job" in past.fails("DISAGREED")


def test_crashes_and_unrest_are_failures(past):
    past.crashes.append("a ended with -11")
    past.unrest.append("master b has 3 open jobs")
    past.fails("CRASHED", "UNSETTLED")


# ---- the schedule ----

MASTERS, FLEET = ["a", "b", "c"], [f"m{i}" for i in range(12)]


def test_a_seed_gives_one_schedule_and_another_seed_another():
    assert schedule(7, 60, MASTERS, FLEET) == schedule(7, 60, MASTERS, FLEET)
    assert schedule(7, 60, MASTERS, FLEET) != schedule(8, 60, MASTERS, FLEET)


def test_faults_end_before_the_run_and_never_overlap_in_one_place():
    for seed in range(200):
        free_at = {}
        for fault in schedule(seed, 20, MASTERS, FLEET):
            assert LEAD_IN <= fault.at < fault.at + fault.lasts <= 20 - LEAD_IN + 0.02
            where = place(fault.kind, fault.subject)
            assert free_at.get(where, 0) <= fault.at
            free_at[where] = fault.at + fault.lasts


def test_one_minion_is_absent_from_within_the_run():
    assert absence(7, 60, FLEET) == absence(7, 60, FLEET)
    gone, at = absence(8, 60, FLEET)
    assert gone in FLEET and 0 < at < 60


@pytest.mark.parametrize("kinds", [KINDS, SENTINEL_KINDS, NAMESPACE_KINDS])
def test_every_kind_of_fault_happens(kinds):
    assert {fault.kind for seed in range(20) for fault in schedule(seed, 20, MASTERS, FLEET, kinds)} == set(kinds)
