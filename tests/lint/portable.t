#!/usr/bin/env perl
# No file has a path that exists on one machine only, and all keep the rules of .editorconfig.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(files read_text);

# Written so that this file does not find itself.
my $local = qr{(?<![\w.\\])/(?:work|home|root|Users)/\w|/tmp/\w[\w.]*/};

for my $path (grep { !m{^tests/fuzz/corpus/} } files()) {
    my $text = read_text($path);
    next if $text =~ /\0/;
    my @found = grep { m{/} && /$local/ } split /\n/, $text;
    ok(!@found, "$path has no path of a single machine") or diag(join "\n", @found);
    unlike($text, qr/[ \t]+$/m, "$path has no blanks at the end of a line");
    ok($text eq '' || $text =~ /[^\n]\n\z/, "$path ends with one newline");
    unlike($text, qr/\r/, "$path has no carriage returns");
}
done_testing();
