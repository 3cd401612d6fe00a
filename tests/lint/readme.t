#!/usr/bin/env perl
# The README is true as far as a program can tell: its picture is what the build draws of a real run now;
# each row of the table of what works names a test or a page that exists, and its numbers of mistakes and
# states are those of docs/model.md; the run that it quotes is what the tests expect.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(files read_text);

my %exists = map { $_ => 1 } files();
plan skip_all => 'there is no README.md' if !$exists{'README.md'};
my $readme = read_text('README.md');

# ---- the picture --------------------------------------------------------------------------------

if ($exists{'docs/stale-eoi.svg'}) {
    my $drawn = `$ENV{B}/host/pwtrace svg tests/page/sample.log soak 425 455`;
    ok($drawn eq read_text('docs/stale-eoi.svg'), 'docs/stale-eoi.svg is drawn from tests/page/sample.log: make docs');
    like($readme, qr/^!\[[^\]]+\]\(docs\/stale-eoi\.svg\)$/m, 'the README shows it');
}

# ---- what works ---------------------------------------------------------------------------------

# A file or a folder; the second of two tests of a row may be without its folder.
sub is_there {
    my ($path, $folder) = @_;
    for my $file (map { s{/$}{}r } $path, $folder . $path) {
        return 1 if $exists{$file} || grep { index($_, "$file/") == 0 } keys %exists;
    }
    return 0;
}

my ($section) = $readme =~ /^## What works\n(.*?)^## /ms;
my ($table) = ($section // '') =~ /\A\s*((?:\|.*\n)+)/;
my @rows = grep { !/^\| *(?:what \||---|-)/ } split /\n/, $table // '';
cmp_ok(scalar @rows, '>=', 1, 'there is a table of what works') if $exists{'docs/model.md'};
for my $row (@rows) {
    my ($what, $how) = $row =~ /^\| (.*?) \| (.*) \|$/;
    my ($folder, @missing, $named) = ('');
    for my $path ($how =~ /`([\w.\/-]+\/|(?:[\w-]+\/)*[\w-]+\.t)`/g) {
        $named++;
        push @missing, $path if !is_there($path, $folder);
        $folder = $1 if $path =~ m{^(.*/)[^/]*$};
    }
    $named++ if $how =~ /\]\(docs\/[^)]+\)/;
    ok($named && !@missing, "what works: a test is named, and exists: $what") or diag("@missing");
}

# ---- numbers ------------------------------------------------------------------------------------

my @mutants = map { m{^tests/model/mutants/(.*)\.mutant$} ? $1 : () } keys %exists;
if (@mutants) {
    my $software = grep { /^software_/ } @mutants;
    is(join(' ', $readme =~ /(\d+) mistakes, each found/g), (@mutants - $software) . " $software", 'as many mistakes as there are mutants');
    my $page = read_text('docs/page.md');
    is(($page =~ /(\d+) hypervisors with a mistake/)[0], scalar(grep { !/^posted_/ } @mutants), 'docs/page.md: as many puzzles');
    my @states = map { sprintf '%.1f', (tr/,//dr) / 1e6 } read_text('docs/model.md') =~ /\*\*(\d+,\d+,\d+)\*\*/g;
    is(join(' ', $readme =~ /(\d+\.\d) million states/g), "@states[0, 1]", 'as many states as in docs/model.md');
}

# ---- the run ------------------------------------------------------------------------------------

if ($exists{'tests/emulator/interrupts.expect'}) {
    my $expected = read_text('tests/emulator/interrupts.expect');
    my @quoted = $readme =~ /^    COUNTERS guest=reroute(\S*) (vcpu=\d vector=\S+) .*?(eoi_stale=\d+ eoi_coincidental=\d+)/gm;
    cmp_ok(scalar @quoted, '==', 6, 'the README quotes two lines of counters');
    while (my ($norescan, $where, $counts) = splice @quoted, 0, 3) {
        ok(index($expected, "COUNTERS guest=reroute-x2apic$norescan $where $counts\n") >= 0, "the run has counted $counts");
    }
}
done_testing();
