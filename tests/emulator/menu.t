#!/usr/bin/env perl
# A stick with a menu, in Bochs: an entry is chosen by the arrow keys of a serial terminal and of the
# machine's keyboard. It starts the scorecard, whose card must be complete and without a failure on Pinwheel.
# There is one CPU, because while all of several CPUs are halted, as in the menu, the emulator's time passes
# slowly.
use strict;
use warnings;
use lib 'tests/lib';
use Boot 'report_all';
use File::Path qw(make_path remove_tree);
use Test::More;
use Keyboard;
use Log;
use Typist;

my $build = $ENV{B} // 'build';
my $dir = "$build/emulator/menu";
remove_tree($dir);
make_path($dir);
my $image = "$dir.img";
system('tools/disk-image', '--stick', '--menu', 'tests/emulator/menu', $image, 'tests/emulator/broken.cfg',
    "$build/BOOTX64.EFI", "$build/guest/scorecard.elf") == 0 or BAIL_OUT('no image of a stick');

my $machine = Typist->run($dir, '--cpus', 1, $image);
$machine->answers(undef, qr/ > 1  A guest that fails .* 2  The scorecard (?!.*Left out).*\s1 starts by itself in \d+ s/s,
    'the menu shows the entries that are there, and counts');
$machine->answers("\x1b[B", qr/   1  A guest that fails .* > 2  The scorecard /s, 'an arrow key selects the next entry');
my $keyboard = Keyboard->connect($dir);
$keyboard->press('Up');
$machine->answers(undef, qr/ > 1  A guest that fails .*   2  The scorecard /s, 'so does one of the machine\'s keyboard');
$keyboard->press('Down');
$machine->answers(undef, qr/   1  A guest that fails .* > 2  The scorecard /s, 'both ways');
$machine->answers("\r", qr/Chosen +The scorecard \(\\configs\\scorecard\.cfg\)/, 'Enter starts it; the report names it');
$machine->answers(undef, qr/\n *1 no EOI is lost +10\/10 ok /, 'a row of the card');
$machine->answers(undef, qr/\n(\d+) of \1 passed, 0 failed, 0 more where .*, 1 skipped\r*\n/, 'nothing fails');
is($machine->finish, 0, 'the guest passes');

my $log = Log->read_file("$dir/serial.log");
report_all($log->check_taps, $log->check('TAP guest=scorecard failed=0 skipped=1'));
is(`tools/check-scorecard $dir/serial.log` =~ s/\d+/N/gr, "complete: N of N passed, N failed, N more where the manuals are open, N skipped\n", 'the card has its checksum');
my ($usable) = map { /^Memory +(\d+) MiB usable/ } @{$log->{lines}};
my ($free) = map { /(\d+) MiB free$/ } @{$log->{lines}};
cmp_ok($usable - $free, '<=', 5, 'Pinwheel takes at most 5 MiB for itself and its guest\'s file');
open my $file, '<', "$dir/serial.log" or BAIL_OUT("$dir/serial.log: $!");
my ($card) = join('', <$file>) =~ /^(PINWHEEL SCORECARD .*?^checksum \w+\r?\n)/ms;
cmp_ok(($card // '') =~ tr/\n//, '<=', 25, 'the card fits a screen of 25 lines');
is(join("\n", grep { length s/\r//r > 79 } split /\n/, $card // 'no card' x 99), '', 'of 80 columns');
done_testing();
