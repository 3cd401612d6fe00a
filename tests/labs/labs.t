#!/usr/bin/env perl
# The labs (docs/labs.md) print exactly what is in tests/labs/NUMBER.out, and with the change of their task
# what is in NUMBER.task.out: all of them in one boot, and once more with the changes. Lab 11 is in
# tests/linux/lab11.t. LABS_RECORD=1 writes the files instead.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use Test::More;
use Tree 'read_text';
use Lab;

my $build = $ENV{B} // 'build';
my @numbers = grep { Lab::source($_) =~ /\.c$/ } Lab::numbers();

for my $variant ('', 'task') {
    my $name = 'labs' . ($variant && "-$variant");
    Lab::write_file("$build/emulator/$name.cfg", Lab::chain($variant ? {$variant => 1} : {}, @numbers));
    my ($log, $status) = boot($name, config => "$build/emulator/$name.cfg", cpus => 2, files => [glob "$build/guest/labs/*.elf"]);
    is($status, 0, "$name: all labs run to their end");
    for my $number (@numbers) {
        my $path = "tests/labs/$number" . ($variant && ".$variant") . '.out';
        my $view = Lab::view($log, $number);
        Lab::write_file($path, $view) if $ENV{LABS_RECORD};
        is($view, read_text($path), "$path is what lab $number prints");
    }
}
done_testing();
