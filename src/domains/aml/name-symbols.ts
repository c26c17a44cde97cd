/**
 * Reference tables for names: which words mean the same, and which say little. The tables are our own
 * writing from general knowledge; the equivalences of legal forms follow ISO 20275 (ELF) and the local
 * company laws they name. Every line is one class: the first word is its symbol, the rest are spellings.
 * Spellings are lower-case ASCII, as `names.ts` produces them; a phrase is written with spaces.
 */

/** Legal forms: the words a register appends, which say nothing about who the firm is. */
const legalForms = `
llc|limited liability company|limited liability co|ltd liability co|l l c|ooo|ood|obshchestvo s ogranichennoi otvetstvennostyu|obshchestvo s ogranichennoy otvetstvennostyu|tov|tovarystvo z obmezhenoyu vidpovidalnistyu|gmbh|gesellschaft mit beschrankter haftung|gesellschaft mbh|mbh|sarl|s a r l|societe a responsabilite limitee|srl|s r l|societatea cu raspundere limitata|societa a responsabilita limitata|sociedad de responsabilidad limitada|s de r l|sl|s l|sociedad limitada|lda|limitada|ltda|spzoo|sp zoo|sp z o o|spolka z ograniczona odpowiedzialnoscia|sro|s r o|doo|d o o|bv|b v|besloten vennootschap|kft|eood|oou|ou|uab|sia|mchj|too|tovarishchestvo s ogranichennoi otvetstvennostyu|llp|limited liability partnership|wll|w l l|fzc|fzco|fze|fz llc|fzllc|dmcc|ltd sti|limited sirketi|mmc|shpk|aps|anpartsselskab
ltd|limited|limitd|pte|pte ltd|pvt|pvt ltd|private limited|private ltd|pty|pty ltd|proprietary limited|sdn bhd|sendirian berhad|co ltd|company limited|co limited|lmt|kabushiki kaisha|kk|yugen kaisha|youxian gongsi|pt
jsc|joint stock company|joint stock co|joint stock|ojsc|open joint stock company|cjsc|closed joint stock company|pjsc|public joint stock company|private joint stock company|oao|ao|zao|pao|aktsionernoe obshchestvo|aktsionernoye obshchestvo|otkrytoe aktsionernoe obshchestvo|zakrytoe aktsionernoe obshchestvo|publichnoe aktsionernoe obshchestvo|pat|prat|vat|sa|s a|societe anonyme|sociedad anonima|sociedade anonima|sociedad anonima de capital variable|sa de cv|s a de c v|sab de cv|sa de c v|sas|s a s|societe par actions simplifiee|ag|a g|aktiengesellschaft|nv|n v|naamloze vennootschap|spa|s p a|societa per azioni|as|a s|anonim sirketi|ab|aktiebolag|asa|allmennaksjeselskap|oy|oyj|osakeyhtio|plc|p l c|public limited company|public ltd co|akciova spolecnost|ad|a d|aktsionerno druzhestvo|dd|d d|rt|zrt|nyrt|tbk|bhd|berhad|saog|saoc|sal|s a l|pjs|joynt stock company|ohj|se
inc|incorporated|incorporation|corp|corporation|korporatsiya|corporacion
lp|l p|limited partnership|kg|kommanditgesellschaft|ks|k s|gmbh co kg|gmbh and co kg|sca|scs|kd
foundation|fundacion|fondation|stiftung|fond|fondatsiya|vakif|vaqf|waqf|stichting
association|associacion|asociacion|assotsiatsiya|verein|ev|e v
trust|trustees
na|n a|national association
ip|individual entrepreneur|individualnyi predprinimatel|sole proprietor
fgup|federal state unitary enterprise|gup|state unitary enterprise|unitary enterprise|up|rup|republican unitary enterprise
`;

/** Words that many firms carry: equivalent across languages, weak evidence on their own. */
const organisationWords = `
company|co|compagnie|compania|companhia|kompaniya|kompania|sherkat|shirkat|sharikat|gongsi|kaisha|societe|sociedad|societa|gesellschaft|coy|cie
group|groupe|grupo|gruppe|gruppa|gruppo|hrupa|grup|majmuat|jamaat
holding|holdings|kholding|holdinh
international|intl|internacional|internationale|mezhdunarodny|mezhdunarodnaya|mezhdunarodnyi|beynelmilel
trading|trade|trades|traders|torgovy|torgovyi|torgovaya|ticaret|tijarah|tijara|comercio|commerce|commercial|comercial|comercializadora
industries|industry|industrial|industria|industrias|industrie|promyshlennost|sanayi|sanaye
enterprise|enterprises|predpriyatie|empresa|entreprise|kombinat
services|service|servicios|servis|uslugi
general|generale
development|developments|razvitie
investment|investments|inversiones|investissement|invest
management|mgmt
engineering|engineers|inzhiniring|muhendislik
construction|constructions|construcciones|stroitelstvo|stroi|insaat|constructora|building
import|imports|importadora
export|exports|exportadora
manufacturing|mfg|manufacture|manufacturer|manufacturers|fabrication|factory|zavod
technology|technologies|tech|technological|tekhnologii|tecnologia|tecnologias|tekhnologiya
transport|transportation|transports|transportes|transporte
shipping|maritime|marine|lines|line|navigation|shipmanagement
aviation|airlines|airline|airways|air
bank|banka|banco|banque|banq
financial|finance|finances|finansovaya|financiera|financiere
petroleum|oil|neft|petrol|petrochemical|petrochemicals
energy|energia|energie|energo|power
research|nii|issledovatelskii
institute|institut|instituto
center|centre|centro|tsentr|merkez|markaz
organization|organisation|organizatsiya|organizacion|org
national|natsionalny|natsionalnyi|nacional|milli
state|gosudarstvennyi|gosudarstvennoe
federal|federalnoe|federalnyi
corporate|corporation
global|world|worldwide
products|product|productos
systems|system|sistemas|sistemy
solutions|solution
establishment|est|etablissement|muassasat
exchange|sarrafi|sarafi
hawala|havala
charity|charitable|relief|humanitarian|khayriyah|kheiriya
society|jamiat|jamiyat|gama|jamaah
union|soyuz|sindicato
committee|komitet|comite
movement|harakat|haraka|mouvement|movimiento
army|jaish|jaysh|jaych|lashkar|ejercito|armee
front|jabha|jabhat|jebha|frente
party|partiya|partido|hizb|hezb
islamic|islami|islamiya|islamiyya|eslami|islamique
brigade|brigades|liwa|katibat|brigada
battalion|battalions
network|shabaka|shabakat|chebeka
factory|fabrika|fabrica
office|offices|bureau|oficina
department|dept|departamento
limited
ministry|ministerstvo|ministerio|wizarat
university|universitet|universidad|universite|daneshgah
laboratory|laboratories|lab|labs|laboratorio
security|securities
fund|funds
capital
agency|agence|agencia|agentstvo
electronics|electronic|elektronika|elektronik
school|madrassa|madrasa|madrassah
mining|minera|mineria
agricultural|agriculture|agricola|agro
properties|property|realty|estate|inmobiliaria
`;

const numberWords = `
1|first|1st|one|i|pervyi
2|second|2nd|two|ii
3|third|3rd|three|iii
4|fourth|4th|four|iv|fourty
5|fifth|5th|five|v
6|sixth|6th|six|vi
7|seventh|7th|seven|vii
8|eighth|8th|eight|viii
9|ninth|9th|nine|ix
10|tenth|10th|ten|x
11|eleventh|11th|eleven|xi
12|twelfth|12th|twelve|xii
13|thirteen|13th|thirteenth|xiii
14|fourteen|14th|fourteenth|xiv
15|fifteen|15th|fifteenth|xv
16|sixteen|16th|sixteenth|xvi
17|seventeen|17th|seventeenth|xvii
18|eighteen|18th|eighteenth|xviii
19|nineteen|19th|nineteenth|xix
20|twenty|20th|twentieth|xx
30|thirty|30th
40|forty|fourty|40th
44|forty four|fourty four
50|fifty|50th
100|hundred|hundredth
`;

/** Spellings of one name in different transliterations: as good as the name itself. */
const transliterations = `
muhammad|mohammad|mohammed|mohamed|mohamad|muhammed|muhamed|muhamad|mohamud|mohammod|mahammad|mehmed|mehmet|muhammet|mohd|mohamet|mouhamed|mouhammad|mohammud|magomed|mukhammad|mukhamed|mahomet|mhmd|md|muhd|muhammadi|mukhammed|makhmad|m d
ahmad|ahmed|ahmet|akhmad|akhmed|achmad|achmed|ahamed|ehmed|hmd
mahmud|mahmoud|mahmood|mehmood|makhmud|mahamud|mohmood|mahmut
hasan|hassan|hasen|hassen|hacen|khasan|hasaan
husayn|hussein|husain|hussain|hossein|hosein|husein|houssein|hussayn|hossain|khusein|hoseyn|hussien|huseyin|hocine|houcine
yusuf|yousef|youssef|yusef|yousuf|yousif|yusif|yussuf|yusup|youcef|jusuf|yossef|usuf|yusof|yousof
ibrahim|ebrahim|ibraheem|brahim|ibragim|ibrahem|abrahim|ibrahima
ismail|ismael|esmail|esmaeil|ismayil|ismaeel|ismaili|smail
ali|aly|alli
umar|omar|omer|oumar|umer|umaru
uthman|othman|osman|usman|ousmane|uthmann|athman|ottoman
khalid|khaled|halid|khalide|chalid
said|saeed|saied|saeid|sayeed|sa id
sayyid|sayed|sayyed|seyyed|sayid|seyed|syed|said
abdullah|abdallah|abdulla|abdalla|abdellah|abdoulah|abdoullah|abdula|abdulah|abdella|abadallah
sulayman|suleiman|sulaiman|soleiman|suleyman|soleyman|souleymane|sulejman|solaiman|souleiman|slimane|sliman
jafar|jaafar|jaffar|djafar|cafer|gafar|dzhafar
qasim|kassem|kasem|qassem|kasim|qasem|kassim|gasim|kacem|ghasem|gassem|qassim|kasym
qaddafi|gaddafi|qadhafi|gadhafi|kadhafi|gathafi|ghathafi|kaddafi|ghaddafi|elkaddafi
laden|ladin
usama|osama|oussama|usamah|osamah|ussama
mustafa|mustapha|mostafa|moustafa|mustafah|mostefa|moustapha
amin|ameen|amine|emin
karim|kareem|kerim|karym
rahim|raheem|rahem
rahman|rehman|rahmaan|rahmane|rahmon|rachman|rohman
rashid|rasheed|rachid|rasyid|reshid|rashed|rachad
hamid|hameed|hamed|khamid|hamied
jamal|gamal|jamaal|djamal|cemal|dzhamal|jammal
aziz|azeez|azez|azizi
latif|lateef|letif
majid|majeed|madjid|magid|mejid|macid
walid|waleed|oualid|valid
nasir|nasser|naser|nasr|nassir|nacer|naseer
tariq|tarek|tareq|tarik|tarig
faysal|faisal|feisal|fayssal|faycal|faizal|feysal
zayd|zaid|zeid|zied|zaied
salih|saleh|salekh|salhe
salim|saleem|selim|salem|slim
sharif|shareef|cherif|sherif|shariff|serif|sharef|charif
shaykh|sheikh|shaikh|sheik|sheykh|cheikh|sjeik|shaik
bakr|bakar|bekr
abubakr|abubakar|aboubakar|aboubaker|abubaker|abubekr|aboubacar
abu|abou|abo|abi|aboo|ebu
isa|issa|eisa|essa|aissa|esa|iesa
musa|moussa|mousa|moosa|mussa|muse
dawud|dawood|daoud|daud|davud|dawoud
harun|haroun|haroon|aaron
yahya|yehya|yahia|yehia|jahja|yihya
yunus|younis|younus|yunis|younes|yonus|junus|yunes
idris|idriss|edris|driss
hamza|hamzah|hamzeh|khamza
taha|tahah
tahir|taher|tahar
zahir|zaher|dhahir
basir|baseer|bassir
bashir|basheer|bachir|beshir|bashar
munir|mounir|moneer|muneer
nur|noor|nour|nuor|noour
gul|ghul
haqqani|haqani|hakkani
akhund|akhond|akhoond|akhundzada
gholam|ghulam|gulam|ghollam
alexander|aleksandr|aleksander|alexandr|oleksandr|alexandre|alejandro|alessandro|aleksandar|aliaksandr|alexandros|iskander|iskandar
alexei|aleksei|alexey|aleksey|oleksii|oleksiy|alexej|aliaksei
sergei|sergey|serguei|sergej|serhii|serhiy|siarhei|sergy
andrei|andrey|andrej|andrii|andriy|andrzej
dmitri|dmitry|dmitriy|dmitrii|dmytro|dimitri|dzmitry|dimitry
mikhail|michail|mihail|mykhailo|mikhael|mykhaylo
nikolai|nikolay|nikolaj|mykola|nikolaos|nicolai|mikalai|nikola
yevgeny|evgeny|evgeni|yevgeni|evgenii|yevgeniy|evgeniy|yevhen|yauhen|jewgeni
vladimir|volodymyr|wladimir|uladzimir|vladimer|wolodymyr|volodimir
yuri|yury|iurii|yuriy|yurii|iouri|jurij|juri
igor|ihor|ihar
oleg|oleh|aleh
viktor|victor|wiktor|viktar
pavel|pavlo|pawel|pavol
grigory|grigori|grigoriy|grigorii|hryhorii|grigoryi
vasily|vasili|vasiliy|vasilii|vasyl|wassili|vassili|vasilij
anatoly|anatoli|anatoliy|anatolii
valery|valeri|valeriy|valerii|valerij
gennady|gennadi|gennadiy|gennadii|hennadii|hennadiy
arkady|arkadi|arkadiy|arkadii
dmitrievich|dmitriyevich|dmitrievitch
friedrich|friedrych|fridrich|fredrich|fridrikh
michele|michelle
philipp|philip|phillip|filip|felipe|filipp
jeffrey|geoffrey|jeffery
catherine|katherine|kathryn|katharina|ekaterina|yekaterina|katerina|kateryna
natalia|nataliya|natalya|nataliia|natalija
tatiana|tatyana|tetiana|tetyana|tatjana
yulia|julia|iuliia|yuliya|yuliia|julija
elena|yelena|olena|jelena
maria|mariya|mariia|marija
steven|stephen|stefan|stephan|stepan
kim|gim|ghim
lee|yi|ri|rhee|rhie|yee|li
park|pak|bak|bag|pahk
choe|choi|choy|chwe
jong|jung|jeong|chong|chung|joung|jeung
kang|gang
cho|jo|joe
chang|jang
yun|yoon|youn
im|rim|lim|yim
ryu|yu|yoo|ryoo|lyu
no|ro|noh|roh
o|oh
sin|shin
so|seo|suh
hyon|hyun|hyeon|hyong
yong|young|yeong
kyong|kyung|gyeong|gyong|kyeong
song|sung|seong
chol|cheol|chul
hui|hee|hi|huy
un|eun
yol|yeol|ryol|yul
kwon|gwon
kuk|guk|kook
ok|og
il|ihl
su|soo
chun|choon
hak|hag
sop|sup|seob|seop
zedong|tse tung|tsetung
kaishek|jieshi
`;

/** Given names that one person may go by: good, but less than a transliteration. */
const nicknames = `
william|bill|will|billy|willy|liam
robert|bob|rob|bobby|bert|robbie
richard|dick|rick|rich|ricky
james|jim|jimmy|jamie
john|johnny|jack|jon
joseph|joe|joey|jose
michael|mike|mick|mickey|mikey
edward|ed|eddie|ned|ted|teddy
thomas|tom|tommy
charles|charlie|chuck
christopher|chris|kit
daniel|dan|danny
david|dave|davey
anthony|tony|antony
nicholas|nick|nicolas|nico|nikolas
benjamin|benny
samuel|sam|sammy
matthew|matt
andrew|andy|drew
gregory|greg
jeffrey|jeff
kenneth|ken|kenny
lawrence|larry|laurence
leonard|len|lenny
peter|pete
philip|phil
ronald|ron|ronnie
stephen|steve
timothy|tim
vincent|vince
walter|walt
zachary|zach|zack
patrick|pat|paddy
elizabeth|liz|beth|betty|lizzie|eliza
margaret|maggie|meg|peggy|marge
catherine|kate|cathy|katie|kathy
susan|sue|susie
jennifer|jen|jenny
rebecca|becky
barbara|barb
deborah|debbie|deb
dorothy|dot|dolly
francisco|pancho|paco|kiko
jose|pepe
ignacio|nacho
guillermo|memo
aleksandr|sasha|alex|alec
mikhail|misha
vladimir|volodya|vova
ivan|vanya
nikolai|kolya
dmitri|dima|mitya
sergei|seryozha
`;

/** Titles and forms of address: never evidence. */
const honorifics =
  'mr mrs ms miss mx dr prof professor sir dame lord lady madam monsieur madame herr frau senor senora don dona eng engineer capt captain col colonel gen general lt lieutenant maj major brig brigadier sgt sergeant admiral rev reverend hon honorable haji hajj hajji hadji alhaj hajjah hajja mullah mulla molla mawlawi maulawi mawlavi maulvi maulana mawlana mufti qari ustad ustaz ayatollah hojatoleslam imam sheikh shaikh shaykh sheik cheikh sh qazi qadi emir jr sr junior senior phd md esq';

/** Particles that spellings add, drop or glue on. */
const particles =
  'al el ul ar ur as ash az an ad at bin ibn ben bint binti binte ould oulad wuld uld de del della delle di da do dos das du des la las le les lo van von der den het ter ten zu zum zur y e the of and for und et und na';

/** Short forms of "son of": the name after one of them is the father's. */
const patronymics = 'bin ibn ben bint binti binte ould wuld';

/** Names so common that sharing one says little about a person. */
const commonNames = `
muhammad ahmad mahmud hasan husayn ali umar uthman khalid said abdullah sulayman mustafa ibrahim ismail yusuf abu khan shah hamid karim rahman
jose juan carlos luis maria miguel jesus antonio francisco manuel pedro jorge fernando rafael ana alejandro david daniel martin mario
garcia rodriguez gonzalez gonzales hernandez lopez martinez perez sanchez ramirez torres flores rivera gomez diaz reyes cruz morales ortiz gutierrez ruiz alvarez castillo jimenez vasquez romero moreno herrera medina aguilar vargas castro guzman mendoza fernandez silva santos rojas ramos valencia mejia
john james robert michael william richard joseph thomas charles christopher mark paul george peter andrew smith johnson williams brown jones miller davis wilson anderson taylor thomas moore jackson lee
kim lee park choe jong kang cho chang yun im song chol yong il nam sok
wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo lin he gao luo wei xin yan ming hui hong jing jun ping bin jie min hua feng lei tao
alexander sergei andrei vladimir dmitri mikhail nikolai igor oleg viktor ivan ivanov petrov
singh kumar sharma
adam alan albert alex amy angela anna barbara benjamin brian bruce carl chris craig daniel dennis diana donald douglas edward elizabeth emily emma eric frank gary gerald grace gregory harold harry helen henry jack jacob jason jeffrey jennifer jeremy jerry jessica joan joe jonathan joshua julia julie justin karen kate keith kelly kenneth kevin laura lawrence linda lisa louis lucas lucy margaret martha mary matthew melissa nancy nathan nicholas nicole oliver oscar pamela patricia patrick philip rachel ralph raymond rebecca robert roger ronald rose roy russell ruth ryan sam samuel sandra sara sarah scott sharon simon sophie stephanie stephen steven susan teresa timothy tony tyler victoria vincent walter wayne
adams allen bailey baker barnes bell bennett brooks bryant butler campbell carter chan clark clarke coleman collins cook cooper cox diaz edwards evans fisher foster gibson graham grant gray green griffin hall hamilton harris harrison hayes henderson hill howard hughes hunt hunter james jenkins jones jordan kelly kennedy king knight lewis long marshall martin mason mccoy mitchell morgan morris murphy murray myers nelson palmer parker patterson perry phillips porter powell price reed reynolds richardson roberts robinson rogers ross russell sanders scott shaw simmons simpson stevens stewart sullivan thompson tucker turner wallace walker ward warren watson webb wells west white wilkins williams wood woods wright young
adriana alberto alejandra alfonso alfredo alicia alvaro andres angel antonia armando arturo beatriz carla carlos carmen catalina cesar claudia cristian cristina daniela diego eduardo elena enrique ernesto esteban felipe fernanda gabriel gabriela gerardo german gilberto gloria gonzalo guadalupe guillermo gustavo hector hernan hugo ignacio isabel ivan jaime javier joaquin jorge josefina julian julio laura leonardo leticia lorena lucia luisa marco marcos margarita mariana mauricio mercedes monica nicolas norberto omar orlando oscar pablo patricia paula pilar ramiro ramon raul ricardo roberto rocio rodolfo rodrigo rosa ruben salvador santiago sergio silvia sofia susana tomas veronica vicente victor virginia
acosta aguirre alvarado avila benitez cabrera calderon campos cardenas carrillo castaneda chavez contreras cortes delgado dominguez duran escobar espinoza espinosa estrada figueroa franco fuentes gallegos garza guerra guerrero ibarra juarez lara leon luna maldonado marquez medina mendez miranda molina montoya munoz navarro nunez ochoa ortega osorio pacheco padilla pena ponce rangel rios rivas robles rosales rubio salas salazar salinas sandoval serrano solis sosa soto suarez trujillo valdez valencia vega velasquez velez vera villa zamora zuniga
almeida alves barbosa carvalho correia costa dias ferreira gomes lima lopes marques martins mendes nunes oliveira pereira pinto ribeiro rocha rodrigues santana soares sousa souza teixeira vieira
anna andrea giuseppe giovanni francesco luca paolo rossi russo ferrari bianchi romano
bernard dubois durand jean louis marie michel nicolas philippe pierre robert simon
hans klaus peter schmidt schneider schulz fischer meyer muller weber wagner becker hoffmann wolf
andersen anderson andersson berg hansen hansson jensen johansson johnsen karlsen karlsson larsen larsson lindberg nielsen nilsen nilsson olsen olsson pedersen petersen persson
anna olga svetlana irina tatiana natalia elena alexei anatoly boris dmitri konstantin maxim nikita pavel roman yuri kuznetsov popov smirnov sokolov volkov novikov morozov romanov
abbas akbar amir aziz bashir faisal fatima hadi haidar jafar jamal javad kamal majid mansour mansur masoud mehdi mahdi mir mirza mohsen nasir nur qasim rahim rashid reza riza sadiq salih salim samir sharif tariq walid yahya zahra hosseini ahmadi mohammadi karimi rahimi hashemi moradi
nguyen tran pham hoang phan dang bui
sato suzuki tanaka watanabe yamamoto nakamura kobayashi kato yamada
agus budi hidayat santoso setiawan wahyu
`;

export type SymbolTable = {
  readonly symbolOf: ReadonlyMap<string, string>;
  readonly phrases: ReadonlyMap<string, readonly Phrase[]>;
};

export type Phrase = { readonly words: readonly string[]; readonly symbol: string };

export const legalFormTable: SymbolTable = tableOf(legalForms);
export const organisationWordTable: SymbolTable = tableOf(organisationWords);
export const numberTable: SymbolTable = tableOf(numberWords);
export const transliterationTable: SymbolTable = tableOf(transliterations);
export const honorificWords: ReadonlySet<string> = new Set(honorifics.split(' '));
export const particleWords: ReadonlySet<string> = new Set(particles.split(' '));
export const patronymicWords: ReadonlySet<string> = new Set(patronymics.split(' '));

/** Nickname classes a word belongs to; a word may stand in several. */
export const nicknameClasses: ReadonlyMap<string, ReadonlySet<string>> = nicknamesOf(nicknames);

/** Every spelling a table knows: two known names that differ are two names, not a misspelling. */
export function isKnownName(word: string): boolean {
  return transliterationTable.symbolOf.has(word) || nicknameClasses.has(word) || commonNameWords.has(word);
}

/** Common names by spelling, every transliteration included. */
export const commonNameWords: ReadonlySet<string> = new Set(commonNames.trim().split(/\s+/u));

function linesOf(text: string): string[][] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((word) => word.trim()));
}

function tableOf(text: string): SymbolTable {
  const symbolOf = new Map<string, string>();
  const phrases = new Map<string, Phrase[]>();
  for (const spellings of linesOf(text)) {
    const symbol = spellings[0] ?? '';
    for (const spelling of spellings) {
      const words = spelling.split(' ');
      const first = words[0] ?? '';
      if (words.length === 1) {
        if (!symbolOf.has(first)) {
          symbolOf.set(first, symbol);
        }
      } else {
        phrases.set(first, [...(phrases.get(first) ?? []), { words, symbol }]);
      }
    }
  }
  for (const list of phrases.values()) {
    list.sort((left, right) => right.words.length - left.words.length);
  }
  return { symbolOf, phrases };
}

function nicknamesOf(text: string): Map<string, Set<string>> {
  const classes = new Map<string, Set<string>>();
  for (const spellings of linesOf(text)) {
    const symbol = spellings[0] ?? '';
    for (const spelling of spellings) {
      const known = classes.get(spelling) ?? new Set<string>();
      known.add(symbol);
      classes.set(spelling, known);
    }
  }
  return classes;
}
