#!/usr/bin/env perl
# clang-tidy finds nothing in the C files (.clang-tidy says which checks), with the flags of the first
# program that each is compiled for. A clean file is not checked again until it, one of its headers, its
# flags or the checks change: build/tidy has a hash of these for each.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Digest::SHA 'sha1_hex';
use File::Path 'make_path';
use Test::More;
use Tree qw(files read_text);

my $BATCH = 6; # files for each call

my $cache = ($ENV{B} // 'build') . '/tidy';
make_path($cache);
my $checks = join '', `clang-tidy --version`, map { read_text($_) } grep { m{(?:^|/)\.clang-tidy$} } files();
is($?, 0, 'clang-tidy runs');

# All headers of the project that a file includes, also through other headers.
sub headers {
    my ($seen, @paths) = @_;
    for my $path (grep { -e && !$seen->{$_}++ } map { read_text($_) =~ /^#\s*include\s*"([^"]+)"/mg } @paths) {
        headers($seen, $path);
    }
    return sort keys %$seen;
}

# The files to check, by flags.
my (%flags, %key, %todo);
my $database = read_text('compile_commands.json');
while ($database =~ /"file": "([^"]+)",\s*"command": "(.*)"/g) {
    my ($path, $command) = ($1, $2);
    next if $flags{$path} || !-e $path;
    $command =~ s/ -[cS] \S+ -o \S+//;
    $flags{$path} = $command =~ s/^\S+| -W\S+| -mindirect-branch\S*| -M\S+( \S+\.[ods]\b)?//gr;
    $key{$path} = sha1_hex(join "\0", $checks, $flags{$path}, map { $_, read_text($_) } $path, headers({}, $path));
    push @{$todo{$flags{$path}}}, $path if !-e "$cache/$key{$path}";
}

my @batches;
for my $flags (sort keys %todo) {
    my @paths = sort @{$todo{$flags}};
    push @batches, [$flags, splice @paths, 0, $BATCH] while @paths;
}

# As many at once as there are CPUs. The output of each is read when it has ended.
my (%running, %said);
chomp(my $most = `nproc`);
sub wait_for_one {
    my $pid = wait;
    my ($flags, @paths) = @{delete $running{$pid} // return};
    my $output = read_text("$cache/$pid.out");
    unlink "$cache/$pid.out";
    for my $path ($? ? () : @paths) {
        open my $mark, '>', "$cache/$key{$path}" or die "$cache: $!\n";
    }
    return if !$?;
    my %lines;
    for (split /\n/, $output =~ s{^(?:\Q$ENV{PWD}\E/|\./)}{}gmr) {
        my ($path) = /^([^:\s]+):\d+:\d+: (?:warning|error): / or next;
        $said{$path} .= "$_\n" if !$lines{$_}++;
    }
    $said{$paths[0]} .= $output if !%lines;
}
for (@batches) {
    my ($flags, @paths) = @$_;
    wait_for_one() if keys %running >= $most;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        exec "exec clang-tidy --quiet @paths -- $flags -w >$cache/$$.out 2>&1";
    }
    $running{$pid} = $_;
}
wait_for_one() while %running;

for my $path (sort keys %{{%flags, %said}}) {
    is($said{$path}, undef, "$path is clean");
}
done_testing();
