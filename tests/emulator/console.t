#!/usr/bin/env perl
# Typing to guests: what each key does, with one guest on a terminal, and with two guests.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(make_image report_all);
use Test::More;
use Keyboard;
use Log;
use Typist;

my $build = $ENV{B} // 'build';

# ---- one guest, on a terminal ------------------------------------------------------------------------

# socat makes a terminal, which is the standard input and output of tools/run.
my @echo = "$build/guest/echo.elf";
my ($dir, $image) = make_image('console-alone', 'tests/emulator/console-alone.cfg', @echo);
my $machine = Typist->start(['socat', '-lf', "$dir/socat.log", '-',
    "SYSTEM:tools/run --emu bochs --cpus 2 --silence 120 --timeout 3600 --log-dir $dir $image; stty -a,pty,setsid,ctty,stderr"]);
$machine->answers(undef, qr/^The keyboard is the machine's .*Ctrl-A x ends/m, 'the first line tells how to end');
$machine->answers(undef, qr/echo> $/, 'a prompt without a newline is shown');
$machine->answers("hello\r", qr/\n\[hello\] 5 bytes\r*\n/, 'a typed line arrives');
my $long = join '', map { chr(33 + $_) } 1 .. 78;
$machine->answers("$long\r", qr/\n\[\Q$long\E\] 78 bytes/, 'a pasted line arrives complete');
$machine->answers("flood\r", qr/0001\r*\n/, 'a guest that prints more than the serial port sends');
$long = join '', map { chr(33 + $_ % 90) } 1 .. 1000;
$machine->answers("$long\r", qr/\nflooded\r*\n(?s:.*)\n\[\Q$long\E\] 1000 bytes/, 'what is pasted meanwhile arrives complete');
$machine->answers("slow\r", qr/\nreading nothing\r*\n/, 'a guest that reads nothing for a while');
$machine->answers("$long\r", qr/\n\[\Q$long\E\] 1000 bytes/, 'a thousand pasted characters arrive complete');
$machine->answers("a\x03\x1a\x11b\r", qr/\n\[a<03><1a><11>b\] 5 bytes/, 'Ctrl-C, Ctrl-Z and Ctrl-Q go to the guest');
$machine->answers("\x01\x01\r", qr/\n\[<01>\] 1 bytes/, 'Ctrl-A twice sends one Ctrl-A');
# Up to the prompt: the guest is halted when its registers are printed.
$machine->answers("time\r", qr/\n2000-01-01 00:00\r*\necho> $/, 'the real-time clock starts with the firmware\'s time');
$machine->answers("\x01?", qr/\npinwheel: keys after Ctrl-A: .*for guest alone: c prints its counters.* p presses/, 'Ctrl-A ? prints help');
my $live = $machine->answers("\x01c", qr/\nCOUNTERS guest=alone vcpu=0 vector=0x61 eoi_live=(\d+) /, 'Ctrl-A c prints the counters');
cmp_ok($live || 0, '>=', 5, 'at least one interrupt for each line');
$machine->answers(undef, qr/\nEXITS guest=alone vcpu=0 reason=45 count=$live /, 'each interrupt has one EOI exit');
$machine->answers("\x01t", qr/accepts vector 0x61 \(level, pin 4\).*\n.*the line goes low/, 'Ctrl-A t prints the trace');
$machine->answers("\x01d", qr/\nREGISTERS guest=alone vcpu=0 rip=0x10[0-9a-f]+ halted=1\r*\n  cs 18 /, 'Ctrl-A d prints the registers of a halted vCPU');
$machine->answers("\x01v", qr/\npinwheel: the text screen of guest alone is blank\r*\n/, 'Ctrl-A v: nothing is on its text screen');
for (1, 2) {
    $machine->answers("button\r", qr/\nwaiting for the power button\r*\n/, 'a guest that waits for its power button');
    $machine->answers("\x01p", qr/^pressed $_ times\r*\n/, 'Ctrl-A p presses it once');
}
my $keyboard = Keyboard->connect($dir);
$keyboard->press(qw(k e y Enter));
$machine->answers(undef, qr/\n\[key\] 3 bytes/, 'what is typed on the machine\'s keyboard arrives');
$keyboard->press('Control+a', 'c');
$machine->answers(undef, qr/\nCOUNTERS guest=alone /, 'and Ctrl-A c there prints the counters');
$machine->answers("spin\r", qr/\nspinning\r*\n/, 'a guest that never halts');
$machine->answers("\x01D", qr/REGISTERS .* halted=0\r*\n/, 'Ctrl-A D prints the registers of a running vCPU');
$machine->answers("\x012", qr/\npinwheel: guest 2 is not running/, 'Ctrl-A 2: there is no second guest');
$machine->answers("\x01x", qr/pinwheel: guest alone is killed: ended from the console/, 'Ctrl-A x ends the run');
$machine->answers(undef, qr/isig icanon iexten echo /, 'the terminal\'s settings are restored');
$machine->finish;
my $log = Log->read_file("$dir/serial.log");
report_all($log->check('GUEST name=alone result=killed'),
    $log->check('PINWHEEL done guests=1 passed=0 failed=1'));

# ---- two guests ----------------------------------------------------------------------------------

($dir, $image) = make_image('console', 'tests/emulator/console.cfg', @echo);
$machine = Typist->run($dir, '--cpus', 2, '--silence', 120, $image);
my %whole;
$whole{$machine->answers(undef, qr/\n\[(one|two)\] a line in two pieces/, 'a complete line is shown')} = 1 for 1, 2;
is_deeply([sort keys %whole], ['one', 'two'], 'one of each guest');
$machine->answers("\r", qr/\n\[one\] \[\] 0 bytes\r*\n\[one\] echo> /, 'an unfinished line of the selected guest is shown');
$machine->answers("\x012", qr/guest two\r*\n\[two\] echo> /, 'Ctrl-A 2 shows the unfinished line of guest two');
$machine->answers("\x011", qr/guest one\r*\n\[one\] echo> /, 'Ctrl-A 1 shows that of guest one again, from its beginning');
$machine->answers("hello\r", qr/\n\[one\] \[hello\] 5 bytes/, 'the first guest gets the input');
$machine->answers("\x012", qr/\npinwheel: input goes to guest two\r/, 'the second is selected');
$machine->answers("flood\r", qr/0001\r*\n/, 'the second guest, on the other CPU, prints many lines');
$machine->answers("\x011", qr/^pinwheel: input goes to guest one\r/m, 'the first can be selected meanwhile');
$machine->answers("$long\r", qr/\] 1000 bytes/, 'a thousand pasted characters arrive complete');
my $took = $machine->answers("work\r", qr/\n\[one\] took (\d+) of 40000000\r/, 'the first runs a loop');
cmp_ok($took || 1e9, '<', 44e6, 'the loop is not slowed down');
$machine->answers(undef, qr/\n\[two\] flooded\r/, 'the second was still printing');
$machine->answers("\x012", qr/\npinwheel: input goes to guest two\r/, 'the second is selected again');
$machine->answers("bye\r", qr/\n\[two\] \[bye\] 3 bytes/, 'the second gets the input');
$machine->answers("escapes\r", qr/\n\[two\] abc \? \? \? \?2J \xc4\x9b\xc3\xa9/,
    'escape sequences and control characters are replaced, letters are not');
$machine->answers("\x01c", qr/\nCOUNTERS guest=two /, 'Ctrl-A c prints the counters of the selected guest');
$machine->answers("quit\r", qr/\nGUEST name=two result=pass/, 'the second guest ends');
$machine->answers("\x012", qr/\npinwheel: guest 2 is not running/, 'it cannot be selected any more');
$machine->answers("quit\r", qr/\nGUEST name=one result=pass/, 'the first gets the input again');
is($machine->finish, 0, 'both guests pass');
$log = Log->read_file("$dir/serial.log");
report_all($log->check_taps);
is_deeply([sort grep { /a line in/ } @{$log->{lines}}], [map { "[$_] a line in two pieces" } 'one', 'two'],
    'a line of a guest that is not selected is complete in the log');
done_testing();
