/**
 * Passwords of twelve and more characters that guessing starts with: the long ones of published lists
 * and those that the rule "at least twelve characters" brings forth. Compared in lower case, with
 * trailing digits and marks taken off as well, so that one entry stands for its family.
 */
const ENTRIES = `
passwordpassword password12345 password123456 mypassword123 mypassword1234 passw0rd1234 p@ssw0rd1234
p@ssword1234 password@1234 password#1234 password!1234 passwordpass changeme1234 changemenow changemeplease
letmeinplease letmeinletmein letmein12345 welcomewelcome welcome12345 welcome123456 welcometothe administrator
administrator1 admin1234567 admin12345678 adminadmin12 adminadminadmin rootrootroot superadmin123 superuser1234
testtesttest test12345678 testing12345 testpassword demopassword default12345 defaultpassword temporary1234
temppassword iloveyou1234 iloveyouiloveyou iloveyousomuch iloveyoubaby ihateyou1234 trustno1trustno1 trustno12345
qwerty123456 qwerty1234567 qwerty12345678 qwertyqwerty qwertyuiop12 qwertyuiop123 qwertyuiop1234 qwertyuiop[]
1qaz2wsx3edc 1qaz2wsx3edc4rfv 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1q2w3e4r5t6y7u8i q1w2e3r4t5y6 zaq12wsxcde3 zaq1zaq1zaq1
qazwsxedcrfv qazwsxedc123 zxcvbnm12345 asdfghjkl123 asdfasdfasdf asdf12345678 abcd12345678 abc123456789 abcabcabcabc
a123456789012 aa1234567890 a1b2c3d4e5f6 abcdefg12345 abcdefgh1234 123456789abc 12345qwerty12 123qweasdzxc 123qwe123qwe
123123123123 121212121212 112233445566 111222333444 123321123321 123456123456 123456654321 987654321098 147258369147
147852369147 159753159753 741852963741 102030405060 010203040506 football1234 footballfootball baseball1234
basketball12 basketball123 liverpool123 liverpoolfc1 manchester12 manchesterunited manutd123456 chelseafc123
arsenalfc123 barcelona123 realmadrid12 superman1234 supermansuperman spiderman123 batman123456 pokemon12345
starwars1234 starwarsstarwars maytheforcebewithyou princess1234 princessprincess sunshine1234 sunshine12345
sunshinesunshine butterfly123 butterfly1234 chocolate123 strawberry12 strawberry123 cheesecake12 whatever1234
computer1234 computercomputer internet1234 samsung12345 microsoft123 google123456 facebook1234 michael12345
jennifer1234 alexander123 alexander1234 elizabeth123 christopher1 christopher12 stephanie123 charlotte123
jessica12345 mauritius123 mauritius1234 mauritius2024 mauritius2025 mauritius2026 portlouis123 portlouis1234
summer202425 winter202425 january12345 september123 september1234 november1234 december1234 correcthorsebatterystaple
thisismypassword thisisapassword mypasswordis idontknow123 idontknow1234 nopassword123 secretsecret secret123456
mysecret1234 mysecretpassword masterpassword master123456 dragondragon dragon123456 monkeymonkey monkey123456
shadow123456 killer123456 freedom12345 happybirthday lovelovelove loveyouforever godisgood123 jesuschrist1
jesuslovesme jesusislord1 blessed12345 fuckyou12345 fuckyoufuckyou motherfucker blahblahblah hellohellohello
hello1234567 helloworld12 helloworld123 helloworld1234 goodmorning1 opensesame12 opensesame123 bitcoin12345
bitcoin123456 ethereum1234 cryptocrypto trading12345 investor1234 plimsoll1234 plimsollplimsoll
`;

const COMMON = new Set(ENTRIES.trim().split(/\s+/));
const FAMILIES = new Set([...COMMON].map(stemOf).filter((stem) => stem.length >= 8));

/** Whether a password, or the word it decorates, is among those guessed first. */
export function isGuessedPassword(password: string): boolean {
  const lower = password.toLowerCase();
  return COMMON.has(lower) || FAMILIES.has(stemOf(lower));
}

/** The password without the digits and marks people add at its end. */
function stemOf(password: string): string {
  return password.replace(/[\d\W_]+$/u, '');
}
