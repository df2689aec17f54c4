// Banned wording, with replacements. Terms are banned in docs/glossary.md instead. A phrase matches whole words in any case, across line
// breaks, and in identifiers (`isTold` contains "told").

/** @typedef {{ name: string, pattern: RegExp, instead: string }} Wording */

/** @type {readonly (readonly [phrases: string, instead: string])[]} */
const PHRASES = [
  ['nobody', 'no one, no client, not … any'],
  ['somebody', 'someone, a client, an operator'],
  ['whoever|whomever', 'anyone who, the client that'],
  ['tell|tells|told|telling', 'show, report, notify, say, send, distinguish'],
  ['beside', 'next to, alongside, as well as'],
  ['anew', 'again, from scratch'],
  ['mend|mends|mended|mending', 'fix, repair, restore'],
  ['heard of', 'known, seen, reported'],
  ['go by|goes by|going by|went by|gone by', 'follow, use, pass'],
  ['so many', 'that many, a number, N'],
  ['as many as (it|they|there|you|one|we)', 'at most N'],
  ['in vain', 'without success'],
  ['in good order', 'cleanly'],
  ['thought away|thought to be away', 'presumed offline'],
  ['(is|are|was|were|be|been|being) away', 'is unavailable (a server), is offline (a device)'],
  ['what waits|what waited', 'pending commands, queued messages'],
  ['begin to|begins to|began to|beginning to', 'start to, or the verb alone'],
  ['go on|goes on|going on|went on|gone on', 'continue, resume, remain'],
  ['carry on|carries on|carried on|carrying on', 'continue'],
  ['all the same', 'anyway, still'],
  ['for ever', 'forever, without end'],
  ['seldom', 'rarely, less often'],
  ['of (ours|yours|theirs)', 'our, your, their'],
  ['(is|are|was|were|be|been) said', 'say who says it'],
  ['lets|let us', 'allows, makes'],
  ['as it may|as they may', 'at most N'],
  ['rightly', 'correctly'],
  ['it is made sure', 'is ensured'],
  ['made of that|made of those', 'built from'],
  ['in the same breath', 'in the same step'],
  ['last word', 'will, final state'],
  ['stands in the way', 'prevents'],
  ['deaf', 'not receiving, unreachable'],
  ['hear|hears|heard', 'receive, report, get'],
  ['for good', 'permanently, finally'],
  ['in hand', 'in progress, unacknowledged'],
  ['speak of|speaks of|spoke of', 'mention, describe'],
  ['hand in|hands in|handed in', 'send, submit'],
  ['what became of|what becomes of', 'what happened to, the result of'],
  ['taken for', 'mistaken for, treated as'],
  ['lest', 'so that … not'],
  ['commanded (an|the|its|their) action', 'sent the command'],
  [
    '(action|verdict|it|nothing) (is|was|would be|has been) commanded',
    'the command is sent, no command is sent',
  ],
  ['by the clock of|clock of redis', 'the Redis clock, according to the device clock'],
  ['least (wait|spacing|delay|interval)', 'minimum'],
  ['another (type|lane|value|path|disk) than', 'a different … than'],
  ['reports another value', 'reports a different value'],
  ['at the latest', 'no later than'],
  [
    'as far as (known|available|(it|they) (is|are|was|were) (known|available|sampled))',
    'if known, where available',
  ],
  ['(since|until) when', 'the time at which, how long'],
  ['one after the other', 'one after another'],
  ['(tries|retries|adds|starts|stops) (\\w+ )?by itself', 'automatically'],
  [
    'between two (readings|raises|checks|rounds|attempts|pages|polls|publishes|evaluations|steps|passes)',
    'between readings, without a number',
  ],
  ['(is|are|was|were) no (failure|bug|error|substitute|sign of life|proof)', 'is not a'],
  ['(reason|reasons) of (its|the|each|every|their)', 'reason for'],
  ['(difference|differences) of (two|the|their)', 'difference between'],
  ['(depend|depends|belongs|based) (on|to) (the|its|this) \\w+ only', 'depends only on'],
  ['also (after|when|if|while) (a|an|the|it|they)', 'even after, or: … too'],
  ['; or: \\w+', ', or'],
  ['votes (decided|decide) (yes|no)', 'the result of the vote is yes'],
  ['suffice for', 'is enough for, or the verb alone'],
  ['of no (device|fleet|rule|command)', 'that names no device'],
  ['(take|takes|taken|taking) (it |them )?under a lease', 'claim'],
  [
    'refused (reading|vote|command|request|message|document|report|write)s?',
    'rejected; only brokers and networks refuse',
  ],
  [
    '(reading|vote|command|request|message|document|report|write)s? (is|are|was|were) refused',
    'rejected; only brokers and networks refuse',
  ],
];

/** @type {readonly Wording[]} */
export const WORDING = [
  ...PHRASES.map(([phrases, instead]) => wording(phrases, instead)),
  {
    name: 'Greatest',
    pattern: /\/\*\* (?:Greatest|Least|Most) (?!recently)\w/g,
    instead: 'Maximum, minimum, maximum number of',
  },
  {
    name: 'that are no …',
    pattern: /\b(?:that|which)\s+(?:is|are|was|were)\s+no\s+(?!longer|more|less|fewer|stricter)\w/gi,
    instead: 'that are not …, other than',
  },
];

/** The words of a phrase, separated by any white space. @param {string} phrases @param {string} instead @returns {Wording} */
export function wording(phrases, instead) {
  const pattern = new RegExp(`\\b(?:${phrases.replaceAll(' ', '\\s+')})\\b`, 'gi');
  const [name = phrases] = phrases.replace(/\(([^|)]*)[^)]*\)/g, '$1').split('|');
  return { name, pattern, instead };
}

/**
 * The phrases that the glossary bans: code spans in the third column of its tables.
 * @param {string} glossary @returns {Wording[]}
 */
export function bannedBy(glossary) {
  return [...glossary.matchAll(/^\| ([^|]+) \| (?:[^|\n]+) \| ([^|\n]*`[^|\n]*) \|$/gm)].flatMap(
    ([, word = '', banned = '']) =>
      [...banned.matchAll(/`([^`]+)`/g)].map(([, phrase = '']) =>
        wording(phrase.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), word.trim()),
      ),
  );
}
