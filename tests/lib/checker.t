#!/usr/bin/env perl
# The checks of Log.pm must fail if a log is wrong: they run on a sample and on damaged copies of it.
use strict;
use warnings;
use lib 'tests/lib';
use Test::More;
use Log;

open my $file, '<', 'tests/lib/sample.log' or die;
my $sample = do { local $/; <$file> };

my @expectations = (
    'COUNTERS guest=moved vcpu=0 vector=0x51 eoi_stale=1 eoi_coincidental=0',
    'SCANS guest=moved vcpu=0 reason_stale=1',
    'GUEST name=moved result=pass code=0',
    'GUEST name=other result=killed',
    'TAP guest=moved plan=2 passed=2 failed=0',
    'TAP guest=other plan=2 failed=0 skipped=1',
    'BENCH name=cpuid instructions<=250',
    'BENCH name=cpuid instructions>=1',
    'EXITS guest=moved vcpu=0 name="EOI induced" count=4',
    'no COUNTERS guest=moved vector=0x63',
    'PINWHEEL done guests=2 passed=1 failed=1',
    '/2 CPUs, virtual-interrupt delivery/',
);

# The texts of the failed checks.
sub failures {
    my $log = Log->new($_[0]);
    return map { $_->[1] } grep { !$_->[0] } $log->check_taps, map { $log->check($_) } @expectations;
}

# Replaces the pattern in the sample; the check with this text must fail.
sub damaged {
    my ($name, $pattern, $instead, $culprit) = @_;
    my $text = $sample;
    $text =~ s/$pattern/$instead/m or die "the sample has no $pattern";
    my @failures = failures($text);
    ok(scalar(grep { /\Q$culprit\E/ } @failures), "fails on $name") or diag("failed: @failures");
}

is_deeply([failures($sample)], [], 'passes on the sample');
is_deeply([failures($sample =~ s/\n/\r\n/gr)], [], 'passes with carriage returns');
damaged('a wrong counter', 'eoi_stale=1', 'eoi_stale=2', 'eoi_stale=1');
damaged('a counter that begins with the right digit', 'eoi_coincidental=0',
       'eoi_coincidental=01', 'eoi_coincidental=0');
damaged('a missing line of counters', '^COUNTERS.*\n', '', 'COUNTERS guest=moved vcpu=0');
damaged('a counter of another vCPU only', 'vcpu=0 vector', 'vcpu=2 vector', 'COUNTERS guest=moved vcpu=0');
damaged('a line that occurs twice', '^(GUEST name=moved.*\n)', "GUEST name=moved result=pass code=0\n" x 2,
       'GUEST name=moved');
damaged('another result of a guest', 'result=killed', 'result=pass', 'GUEST name=other');
damaged('a missing guest', '^GUEST name=other.*\n', '', 'GUEST name=other');
damaged('a figure above its limit', 'instructions=240', 'instructions=251', '<=250');
damaged('a figure below its limit', 'instructions=240', 'instructions=0', '>=1');
damaged('a figure that is no number', 'instructions=240', 'instructions=?', '<=250');
damaged('a vector that must not occur', 'vcpu=1 vector=0x51', 'vcpu=1 vector=0x63', 'no COUNTERS');
damaged('a missing end', '^PINWHEEL done.*\n', '', 'PINWHEEL done');
damaged('a wrong end', 'failed=1$', 'failed=0', 'PINWHEEL done');
damaged('a missing text', 'virtual-interrupt', 'virtual', '2 CPUs');
damaged('a failed report', '^\[moved\] ok 2', '[moved] not ok 2', 'moved: the pin is routed to vCPU 1');
damaged('a missing report', '^\[moved\] ok 2.*\n', '', 'moved: made all the reports it planned');
damaged('a missing first report', '^\[moved\] ok 1.*\n', '', 'moved: the pin is routed to vCPU 1');
damaged('a missing plan', '^\[moved\] 1\.\.2\n', '', 'moved: made all the reports it planned');
damaged('a plan of none', '^\[moved\] 1\.\.2\n', "[moved] 1..0\n", 'moved: made all the reports');
damaged('reports of another guest', '^\[other\] ok 1.*\n', '', 'other: made all the reports');
isnt(scalar(failures('')), 0, 'fails on an empty log');

my $alone = Log->new("ok 1 - it runs\n1..1\nGUEST name=one result=pass code=0 exits=1\n");
ok($alone->check('TAP guest=one plan=1 passed=1 failed=0')->[0], 'lines of a single guest have no name');
is_deeply([Log->new($sample)->repeatable], [Log->new($sample =~ s/\[bench\].*//r)->repeatable],
          'benchmark figures may differ between runs');
isnt(join("\n", Log->new($sample)->repeatable), join("\n", Log->new($sample =~ s/live=7/live=8/r)->repeatable),
     'counters must not differ between runs');
done_testing();
