#!/usr/bin/env perl
# make grade: full marks for the right answers, which are those of a run; what is wrong is found, and gets a
# hint that is not the answer. The pages of the labs ask exactly what the labs answer.
use strict;
use warnings;
use lib 'tests/lib';
use File::Path qw(make_path);
use Test::More;
use Tree 'read_text';
use Lab;

my @labs = Lab::numbers();
my $build = $ENV{B} // 'build';
my $dir = "$build/lab/grade";
my $file = "$dir/answers.txt";
make_path("$dir/build");
unlink $file;

sub grade {
    my ($text) = @_;
    Lab::write_file($file, $text) if defined $text;
    my $output = `B=$dir/build tools/grade $file 2>&1`;
    return ($? >> 8, $output);
}

# The right answers, from the outputs.
my (%right, %task);
for my $lab (Lab::numbers()) {
    my %answer = Lab::answers(read_text("tests/labs/$lab.out"));
    my %after = Lab::answers(read_text("tests/labs/$lab.task.out"));
    $right{$_} = $answer{$_}[1] for keys %answer;
    $task{$lab} = join(' ', map {; "$_=$after{$_}[1]" } grep { $after{$_}[1] ne $answer{$_}[1] } sort keys %after) || 'none';
    is(join(' ', sort keys %after), join(' ', sort keys %answer), "lab $lab: the task changes answers, not questions");
}

# ---- the file, at first ----

my ($status, $output) = grade();
is($status, 0, 'without a file one is written');
my $empty = read_text($file);
is(scalar(grep { $empty !~ /^\Q$_\E = +# /m } keys %right), 0, 'it asks for each answer');
is(scalar(() = $empty =~ /^\d\d task = +# the line is now: \S/mg), scalar(@labs), '...and for each task');
($status, $output) = grade();
is($status, 0, 'the empty file has no mistake');
my ($got, $all) = $output =~ /^Marks: (\d+) of (\d+)$/m;
is($got, 0, '...and no marks');

# ---- all right ----

sub answers {
    my (%other) = @_;
    my %all = (%right, %other);
    return join '', map {; "$_ = $all{$_}\n" } sort keys %all;
}
my $tasks = join '', map {; "$_ task = $task{$_}\n" } sort keys %task;
($status, $output) = grade(answers() . $tasks);
is($status, 0, 'the right answers');
like($output, qr/^Marks: (\d+) of \d+$/m, '...get marks');
my ($full) = $output =~ /^Marks: (\d+)/m;
is($full, $all - @labs, '...all but those for the runs of the tasks');
unlike($output, qr/Not right yet/, '...and no remarks');
for my $lab ('06', '08') {
    make_path("$dir/build/lab/$lab");
    Lab::write_file("$dir/build/lab/$lab/output.txt", read_text("tests/labs/$lab.task.out"));
}
($status, $output) = grade(answers() . $tasks);
like($output, qr/^Marks: @{[$full + 2]} of $all$/m, 'runs with the line changed count');
unlink glob "$dir/build/lab/*/output.txt";

# ---- wrong ----

sub wrong {
    my ($name, $text, $marks, @remarks) = @_;
    my ($status, $output) = grade($text);
    is($status, 1, $name);
    like($output, qr/^Marks: $marks of $all$/m, '...costs its mark');
    like($output, $_, '...and there is a remark') for @remarks;
}
for my $number (sort keys %right) {
    my ($status, $output) = grade(answers($number => 'x'));
    my ($remark, $hint) = $output =~ /^  \Q$number\E  (.*): not x\n +Hint: (.+)$/m;
    ok($status == 1 && $hint, "a wrong $number has a hint");
    unlike($hint // $right{$number}, qr/(?<![\w.])\Q$right{$number}\E(?![\w.])/, '...that is not the answer') if length $right{$number} > 1;
}
wrong('an answer of a task that does not change', answers() . $tasks . "06 task = $task{'06'} 06.1=0\n", $full - 1, qr/^  06\.1  task: this answer does not change$/m);
my ($first, @rest) = split ' ', $task{'06'};
wrong('an answer of a task that is missing', answers() . $tasks . "06 task = @rest\n", $full - 1, qr/^  06  task: 1 more answer changes$/m);
wrong('a task that changes something', answers() . $tasks . "06 task = none\n", $full - 1 - @rest, qr/^  06  task: \d more answers change$/m);
for (['99.1 = 3', qr/line 1: there is no answer 99\.1/], ['06 task = many', qr/line 1: expected answers/], ['what', qr/line 1: neither/]) {
    my ($status, $output) = grade("$_->[0]\n");
    is($status, 2, "a line that is none: $_->[0]");
    like($output, $_->[1], '...is named');
}

# ---- puzzles ----

SKIP: {
    skip('not without the engine of the page and Node: make page', 6) if !-e "$build/page/pinwheel.html" || system('command -v node >/dev/null');
    my $none = 99; # no invariant
    my $ask = sub { my @lines = `node tools/grade-puzzles.mjs $build @_`; chomp @lines; return @lines };
    my ($count) = $ask->();
    my @mutants = grep { !m{/posted_} } glob 'tests/model/mutants/*.mutant'; # the page has no posted interrupts
    is($count, scalar @mutants, 'a puzzle for each mutant of the page');
    # The invariants of docs/model.md and the lengths of the replays, each as often as there are mutants.
    my %invariant = read_text('docs/model.md') =~ /^\| (\w+) \| [^|]* \| (\d+) \|$/mg;
    my @expected;
    for (map { m{/(\w+)\.mutant} } @mutants) {
        my ($words) = grep { !/^#/ } split /\n/, read_text("tests/model/replays/$_");
        push @expected, [scalar(split ' ', $words) - 1, $invariant{$_}];
    }
    my %pair = map { ("$_->[0]:$_->[1]" => 1) } @expected;
    my @replies = $ask->(map { my $n = $_; map {; "$n:$_" } sort keys %pair } 1 .. $count);
    my %solved = map { /^(\d+) 2 / ? ($1 => 1) : () } @replies;
    is(scalar(keys %solved), $count, 'each has a move and an invariant that solve it, from the replays and docs/model.md');
    is(scalar(grep { / 2 the move is right; the invariant is right$/ } @replies), $count, '...and only one of them');
    like(($ask->("1:0:$none"))[1], qr/^1 0 it happens later than at move 0; it is not invariant $none$/, 'a wrong one gets a hint');
    is(($ask->('999:1:1'))[1], '999 0 there is no such puzzle', 'one that does not exist');
    system("ln -sfn ../../../page $dir/build/page");
    my ($status, $output) = grade("puzzle 1 = move 0, invariant $none\n");
    like($output, qr/^puzzles  0 of @{[2 * $count]}\n.*^  puzzle 1  it happens later/ms, 'make grade marks them');
    unlink "$dir/build/page";
}

# ---- the pages, and the change of a task ----

for my $lab (Lab::numbers()) {
    my $page = read_text("docs/labs/$lab.md");
    my %answer = Lab::answers(read_text("tests/labs/$lab.out"));
    my %asked = $page =~ /^- \*\*(\d\d\.\d+)\*\* (.*)$/mg;
    is_deeply(\%asked, {map { $_ => $answer{$_}[0] } keys %answer}, "docs/labs/$lab.md asks what the lab answers");
    my ($old, $new) = read_text("guest/labs/tasks/$lab") =~ /^- +(.*)\n\+ +(.*)\n/;
    like($page, qr/^    - \Q$old\E\n    \+ \Q$new\E$/m, '...and shows the line of the task');
    my $title = Lab::title($lab);
    like($page, qr/^# Lab $lab: \Q$title\E$/m, '...under the title of its source');
}
for my $text ("a\n", "b\nb\n") {
    Lab::write_file("$dir/source", $text);
    Lab::write_file("$dir/task", "- b\n+ c\n");
    ok(!eval { Lab::change("$dir/source", "$dir/task"); 1 }, 'a task whose line is not there once is refused');
}
Lab::write_file("$dir/source", "a\nb\n");
is(Lab::change("$dir/source", "$dir/task"), "a\nc\n", 'one whose line is there is made');
done_testing();
