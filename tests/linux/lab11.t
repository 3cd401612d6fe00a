#!/usr/bin/env perl
# Lab 11 (docs/labs.md), Linux moves an affinity, prints exactly what is in tests/labs/11.out, and with the
# change of its task what is in 11.task.out. LABS_RECORD=1 writes the files instead.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use Test::More;
use Tree 'read_text';
use Lab;
use Log;

my $build = $ENV{B} // 'build';
my $task = Lab::config('11', task => 1) =~ s/^\[lab11\]\n/[lab11-task]\nafter = lab11\n/mr;
Lab::write_file("$build/emulator/lab11.cfg", Lab::config('11') . "\n$task");
my ($log, $status) = boot('lab11', config => "$build/emulator/lab11.cfg", cpus => 2, memory => 768,
    files => [map { "$build/linux/$_" } qw(vmlinuz initrd disk.img)]);
is($status, 0, 'both run to their end');
for my $guest ('lab11', 'lab11-task') {
    my $path = 'tests/labs/11' . ($guest =~ /task/ ? '.task' : '') . '.out';
    my $mine = Log->new(join "\n", map { /^\[\Q$guest\E\] (.*)/ ? "[lab11] $1" : () } @{$log->{lines}});
    my $view = Lab::view($mine, '11');
    Lab::write_file($path, $view) if $ENV{LABS_RECORD};
    is($view, read_text($path), "$path is what the lab prints");
}
done_testing();
