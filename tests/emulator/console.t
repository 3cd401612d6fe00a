#!/usr/bin/env perl
# Typing to guests: what each key does, on a terminal of its own and with two guests at once.
use strict;
use warnings;
use lib 'tests/lib';
use File::Path 'make_path';
use POSIX 'mkfifo';
use Test::More;
use Log;
use Typist;

my $build = $ENV{B} // 'build';

sub image {
    my ($name) = @_;
    my $dir = "$build/emulator/$name";
    make_path($dir);
    unlink glob "$dir/*";
    system('tools/disk-image', "$dir.img", "tests/emulator/$name.cfg", "$build/BOOTX64.EFI",
        "$build/guest/echo.elf") == 0 or BAIL_OUT("no disk image for $name");
    return ($dir, "$dir.img");
}

# The answer, or a failed test with what came instead.
sub answers {
    my ($machine, $typed, $pattern, $name) = @_;
    $machine->type($typed) if defined $typed;
    my $found = $machine->wait_for($pattern);
    ok(defined $found, $name) or diag(substr $machine->{seen}, -1000);
    return $found // '';
}

# ---- a terminal, and one guest -------------------------------------------------------------------

# socat makes the terminal. tools/run takes its standard input and output for one then.
my ($dir, $image) = image('console-alone');
my $machine = Typist->start(['socat', '-lf', "$dir/socat.log", '-',
    "SYSTEM:tools/run --emu bochs --cpus 2 --silence 120 --timeout 3600 --log-dir $dir $image; stty -a,pty,setsid,ctty,stderr"]);
answers($machine, undef, qr/^The keyboard is the machine's .*Ctrl-A x ends/m, 'the first line says how to end');
answers($machine, undef, qr/echo> $/, 'a prompt without a newline is seen');
answers($machine, "hello\r", qr/\n\[hello\] 5 bytes\r*\n/, 'what is typed arrives');
my $long = join '', map { chr(33 + $_) } 1 .. 78;
answers($machine, "$long\r", qr/\n\[\Q$long\E\] 78 bytes/, 'a line that is pasted arrives whole');
answers($machine, "slow\r", qr/\nreading nothing\r*\n/, 'a guest that is busy, and does not read for a while');
$long = join '', map { chr(33 + $_ % 90) } 1 .. 1000;
answers($machine, "$long\r", qr/\n\[\Q$long\E\] 1000 bytes/, 'a thousand characters that are pasted arrive whole');
answers($machine, "a\x03\x1a\x11b\r", qr/\n\[a<03><1a><11>b\] 5 bytes/, 'Ctrl-C, Ctrl-Z and Ctrl-Q are the guest\'s');
answers($machine, "\x01\x01\r", qr/\n\[<01>\] 1 bytes/, 'Ctrl-A twice is one');
answers($machine, "time\r", qr/\n2000-01-01 00:00\r/, 'the real-time clock has the firmware\'s time');
answers($machine, "\x01?", qr/\npinwheel: keys after Ctrl-A: .*of guest alone, c prints the counters.* p presses/, 'help');
my $live = answers($machine, "\x01c", qr/\nCOUNTERS guest=alone vcpu=0 vector=0x61 eoi_live=(\d+) /, 'counters');
cmp_ok($live || 0, '>=', 5, 'as many interrupts as lines, at the least');
answers($machine, undef, qr/\nEXITS guest=alone vcpu=0 reason=45 count=$live /, 'each with its EOI exit');
answers($machine, "\x01t", qr/accepts vector 0x61 \(level, pin 4\).*\n.*the line goes low/, 'the trace');
answers($machine, "\x01d", qr/\nREGISTERS guest=alone vcpu=0 rip=0x10[0-9a-f]+ halted=1\r*\n  cs 18 /, 'the registers of a halted vCPU');
for (1, 2) {
    answers($machine, "button\r", qr/\nwaiting for the power button\r*\n/, 'a guest that waits for its power button');
    answers($machine, "\x01p", qr/^pressed $_ times\r*\n/, 'is told, once each time');
}
answers($machine, "spin\r", qr/\nspinning\r*\n/, 'a guest that never waits');
answers($machine, "\x01D", qr/REGISTERS .* halted=0\r*\n/, 'the registers of one that runs, by a capital letter');
answers($machine, "\x012", qr/\npinwheel: guest 2 is not running/, 'there is no second guest');
answers($machine, "\x01x", qr/pinwheel: guest alone is killed: ended from the console/, 'the end');
answers($machine, undef, qr/isig icanon iexten echo /, 'the terminal is as it was');
$machine->finish;
my $log = Log->read_file("$dir/serial.log");
ok($_->[0], $_->[1]) or diag($_->[2]) for $log->check('GUEST name=alone result=killed'),
    $log->check('PINWHEEL done guests=1 passed=0 failed=1');

# ---- two guests ----------------------------------------------------------------------------------

($dir, $image) = image('console');
my $fifo = "$dir/typed";
mkfifo($fifo, 0600) or BAIL_OUT("$fifo: $!");
$machine = Typist->start(['tools/run', '--emu', 'bochs', '--cpus', 2, '--silence', 120, '--log-dir', $dir, '--input',
    $fifo, $image], input => $fifo);
my %whole;
$whole{answers($machine, undef, qr/\n\[(one|two)\] a line in two pieces/, 'a line is shown')} = 1 for 1, 2;
is_deeply([sort keys %whole], ['one', 'two'], 'of each guest');
answers($machine, "\r", qr/\n\[one\] \[\] 0 bytes\r*\n\[one\] echo> /, 'an unfinished one is shown to who types');
answers($machine, "\x012", qr/guest two\r*\n\[two\] echo> /, 'of the guest that is chosen');
answers($machine, "\x011", qr/guest one\r*\n\[one\] echo> /, 'and from its beginning');
answers($machine, "hello\r", qr/\n\[one\] \[hello\] 5 bytes/, 'the first guest listens');
answers($machine, "\x012", qr/\npinwheel: input goes to guest two\r/, 'the second is chosen');
answers($machine, "flood\r", qr/0001\r*\n/, 'the second guest, on the other CPU, prints a lot');
answers($machine, "\x011", qr/^pinwheel: input goes to guest one\r/m, 'and yet the first is chosen');
my $took = answers($machine, "work\r", qr/\n\[one\] took (\d+) of 40000000\r/, 'and works');
cmp_ok($took || 1e9, '<', 44e6, 'undisturbed');
answers($machine, undef, qr/\n\[two\] flooded\r/, 'while the second still printed');
answers($machine, "\x012", qr/\npinwheel: input goes to guest two\r/, 'which is chosen again');
answers($machine, "bye\r", qr/\n\[two\] \[bye\] 3 bytes/, 'and listens');
answers($machine, "escapes\r", qr/\n\[two\] abc \? \? \? \xc2\?2J \xc4\x9b\xc3\xa9/,
    'what a terminal would take for commands is not let through, letters are');
answers($machine, "\x01c", qr/\nCOUNTERS guest=two /, 'its counters are shown');
answers($machine, "quit\r", qr/\nGUEST name=two result=pass/, 'it ends');
answers($machine, "\x012", qr/\npinwheel: guest 2 is not running/, 'and cannot be chosen any more');
answers($machine, "quit\r", qr/\nGUEST name=one result=pass/, 'the other gets the input then');
is($machine->finish, 0, 'both have passed');
$log = Log->read_file("$dir/serial.log");
ok($_->[0], $_->[1]) or diag($_->[2]) for $log->check_taps;
is_deeply([sort grep { /a line in/ } @{$log->{lines}}], [map { "[$_] a line in two pieces" } 'one', 'two'],
    'a line that nobody typed to is whole');
done_testing();
