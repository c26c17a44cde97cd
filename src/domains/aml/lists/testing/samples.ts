/**
 * Small publications in every format, with invented entries: what tests of reading and importing start from. Nothing
 * of a real list stands in them.
 */
import type { ListFormat } from '../parse-list.ts';

export const SAMPLES: Readonly<Record<ListFormat, Readonly<Record<string, string>>>> = {
  ofac_csv: {
    primary: `901,"EXAMPLOV, Testan","individual","TEST",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 28 Feb 1961; alt. DOB 1962; nationality Russia; Gender Male; Passport P123456 (Russia); Digital Currency Address - XBT 1SampleAddress; a.k.a. 'THE SAMPLE'."
902,"SAMPLE WORKS",-0- ,"TEST] [TEST-EO",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0-
903,"SAMPLE STAR","vessel","TEST",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"Vessel Registration Identification IMO 9999993; MMSI 572999999."
\u001a`,
    aliases: `901,1,"aka","EXAMPLE, Tester",-0- 
\u001a`,
    addresses: `902,1,"1 Sample Street","Minsk","Russia",-0- 
\u001a`,
  },
  ofac_advanced_xml: {
    file: `<?xml version="1.0" encoding="utf-8"?>
<Sanctions xmlns="https://sample.example/ADVANCED_XML">
<DateOfIssue CalendarTypeID="1"><Year>2026</Year><Month>11</Month><Day>21</Day></DateOfIssue>
<ReferenceValueSets>
<AliasTypeValues><AliasType ID="1400">A.K.A.</AliasType><AliasType ID="1403">Name</AliasType></AliasTypeValues>
<CountryValues><Country ID="11" ISO2="RU">Russia</Country></CountryValues>
<DetailReferenceValues><DetailReference ID="91526">Male</DetailReference></DetailReferenceValues>
<FeatureTypeValues><FeatureType ID="8">Birthdate</FeatureType><FeatureType ID="10">Nationality Country</FeatureType><FeatureType ID="25">Location</FeatureType><FeatureType ID="224">Gender</FeatureType><FeatureType ID="344">Digital Currency Address - XBT</FeatureType></FeatureTypeValues>
<IDRegDocTypeValues><IDRegDocType ID="1571">Passport</IDRegDocType><IDRegDocType ID="1626">Vessel Registration Identification</IDRegDocType><IDRegDocType ID="91264">MMSI</IDRegDocType></IDRegDocTypeValues>
<NamePartTypeValues><NamePartType ID="1520">Last Name</NamePartType><NamePartType ID="1521">First Name</NamePartType><NamePartType ID="1525">Entity Name</NamePartType><NamePartType ID="1526">Vessel Name</NamePartType></NamePartTypeValues>
<PartyTypeValues><PartyType ID="1">Individual</PartyType><PartyType ID="2">Entity</PartyType><PartyType ID="4">Transport</PartyType></PartyTypeValues>
<PartySubTypeValues><PartySubType ID="1" PartyTypeID="4">Vessel</PartySubType><PartySubType ID="3" PartyTypeID="2">Unknown</PartySubType><PartySubType ID="4" PartyTypeID="1">Unknown</PartySubType></PartySubTypeValues>
</ReferenceValueSets>
<Locations><Location ID="25"><LocationCountry CountryID="11"/></Location></Locations>
<IDRegDocuments>
<IDRegDocument ID="1" IDRegDocTypeID="1571" IdentityID="9010" IssuedBy-CountryID="11"><IDRegistrationNo>P123456</IDRegistrationNo></IDRegDocument>
<IDRegDocument ID="2" IDRegDocTypeID="1626" IdentityID="9030"><IDRegistrationNo>IMO 9999993</IDRegistrationNo></IDRegDocument>
<IDRegDocument ID="3" IDRegDocTypeID="91264" IdentityID="9030"><IDRegistrationNo>572999999</IDRegistrationNo></IDRegDocument>
</IDRegDocuments>
<DistinctParties>
<DistinctParty FixedRef="901"><Profile ID="901" PartySubTypeID="4"><Identity ID="9010" Primary="true">
<Alias AliasTypeID="1403" Primary="true" LowQuality="false"><DocumentedName ID="1"><DocumentedNamePart><NamePartValue NamePartGroupID="11" ScriptID="215">Testan</NamePartValue></DocumentedNamePart><DocumentedNamePart><NamePartValue NamePartGroupID="10" ScriptID="215">EXAMPLOV</NamePartValue></DocumentedNamePart></DocumentedName><DocumentedName ID="2"><DocumentedNamePart><NamePartValue NamePartGroupID="10" ScriptID="220">Образцов</NamePartValue></DocumentedNamePart><DocumentedNamePart><NamePartValue NamePartGroupID="11" ScriptID="220">Тестан</NamePartValue></DocumentedNamePart></DocumentedName></Alias>
<Alias AliasTypeID="1400" Primary="false" LowQuality="false"><DocumentedName ID="3"><DocumentedNamePart><NamePartValue NamePartGroupID="10" ScriptID="215">EXAMPLE</NamePartValue></DocumentedNamePart><DocumentedNamePart><NamePartValue NamePartGroupID="11" ScriptID="215">Tester</NamePartValue></DocumentedNamePart></DocumentedName></Alias>
<Alias AliasTypeID="1400" Primary="false" LowQuality="true"><DocumentedName ID="4"><DocumentedNamePart><NamePartValue NamePartGroupID="10" ScriptID="215">THE SAMPLE</NamePartValue></DocumentedNamePart></DocumentedName></Alias>
<NamePartGroups><MasterNamePartGroup><NamePartGroup ID="10" NamePartTypeID="1520"/></MasterNamePartGroup><MasterNamePartGroup><NamePartGroup ID="11" NamePartTypeID="1521"/></MasterNamePartGroup></NamePartGroups></Identity>
<Feature ID="1" FeatureTypeID="8"><FeatureVersion ID="1"><DatePeriod><Start Approximate="false"><From><Year>1961</Year><Month>2</Month><Day>28</Day></From></Start><End><To><Year>1961</Year><Month>2</Month><Day>28</Day></To></End></DatePeriod></FeatureVersion></Feature>
<Feature ID="2" FeatureTypeID="8"><FeatureVersion ID="2"><DatePeriod><Start><From><Year>1962</Year><Month>1</Month><Day>1</Day></From></Start><End><To><Year>1962</Year><Month>12</Month><Day>31</Day></To></End></DatePeriod></FeatureVersion></Feature>
<Feature ID="3" FeatureTypeID="10"><FeatureVersion ID="3"><VersionLocation LocationID="25"/></FeatureVersion></Feature>
<Feature ID="4" FeatureTypeID="224"><FeatureVersion ID="4"><VersionDetail DetailReferenceID="91526"/></FeatureVersion></Feature>
<Feature ID="5" FeatureTypeID="344"><FeatureVersion ID="5"><VersionDetail>1SampleAddress</VersionDetail></FeatureVersion></Feature>
</Profile></DistinctParty>
<DistinctParty FixedRef="902"><Profile ID="902" PartySubTypeID="3"><Identity ID="9020" Primary="true">
<Alias AliasTypeID="1403" Primary="true" LowQuality="false"><DocumentedName ID="5"><DocumentedNamePart><NamePartValue NamePartGroupID="20" ScriptID="215">SAMPLE WORKS</NamePartValue></DocumentedNamePart></DocumentedName></Alias>
<NamePartGroups><MasterNamePartGroup><NamePartGroup ID="20" NamePartTypeID="1525"/></MasterNamePartGroup></NamePartGroups></Identity>
<Feature ID="6" FeatureTypeID="25"><FeatureVersion ID="6"><VersionLocation LocationID="25"/></FeatureVersion></Feature>
</Profile></DistinctParty>
<DistinctParty FixedRef="903"><Profile ID="903" PartySubTypeID="1"><Identity ID="9030" Primary="true">
<Alias AliasTypeID="1403" Primary="true" LowQuality="false"><DocumentedName ID="6"><DocumentedNamePart><NamePartValue NamePartGroupID="30" ScriptID="215">SAMPLE STAR</NamePartValue></DocumentedNamePart></DocumentedName></Alias>
<NamePartGroups><MasterNamePartGroup><NamePartGroup ID="30" NamePartTypeID="1526"/></MasterNamePartGroup></NamePartGroups></Identity>
</Profile></DistinctParty>
</DistinctParties>
<SanctionsEntries>
<SanctionsEntry ID="1" ProfileID="901"><SanctionsMeasure ID="1" SanctionsTypeID="1"><Comment>TEST</Comment></SanctionsMeasure></SanctionsEntry>
<SanctionsEntry ID="2" ProfileID="902"><SanctionsMeasure ID="2" SanctionsTypeID="1"><Comment>TEST</Comment></SanctionsMeasure><SanctionsMeasure ID="3" SanctionsTypeID="1"><Comment>TEST-EO</Comment></SanctionsMeasure></SanctionsEntry>
<SanctionsEntry ID="3" ProfileID="903"><SanctionsMeasure ID="4" SanctionsTypeID="1"><Comment>TEST</Comment></SanctionsMeasure></SanctionsEntry>
</SanctionsEntries>
</Sanctions>
`,
  },
  un_xml: {
    file: `<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-11-21T00:00:00">
<INDIVIDUALS>
<INDIVIDUAL><REFERENCE_NUMBER>QDi.901</REFERENCE_NUMBER><FIRST_NAME>Testan</FIRST_NAME><SECOND_NAME>Examplov</SECOND_NAME><UN_LIST_TYPE>Sample</UN_LIST_TYPE></INDIVIDUAL>
<INDIVIDUAL><REFERENCE_NUMBER>QDi.902</REFERENCE_NUMBER><FIRST_NAME>Sampla</FIRST_NAME><UN_LIST_TYPE>Sample</UN_LIST_TYPE></INDIVIDUAL>
</INDIVIDUALS>
<ENTITIES>
<ENTITY><REFERENCE_NUMBER>QDe.901</REFERENCE_NUMBER><FIRST_NAME>Sample Works</FIRST_NAME><UN_LIST_TYPE>Sample</UN_LIST_TYPE></ENTITY>
</ENTITIES>
</CONSOLIDATED_LIST>
`,
  },
  uk_csv: {
    file: `Report Date: 21-Nov-2026
Last Updated,Unique ID,OFSI Group ID,UN Reference Number,Name 6,Name 1,Name 2,Name 3,Name 4,Name 5,Name type,Alias strength,Title,Name non-latin script,Non-latin script type,Non-latin script language,Regime Name,"Individual, Entity, Ship",Other Information,Address Country,D.O.B,Nationality(/ies),National Identifier number,Passport number,Gender,Business registration number (s),IMO number,Current believed flag of ship
01/01/2026,ZZZ0001,,,EXAMPLESON,Testan,Middle,,,,Primary Name,,,Тестан Образцов,,,The Sample (Sanctions) Regulations,Individual,,,31/12/1967,(1) Iraq. (2) Jordan.,,A1234567,Male,,,
01/01/2026,ZZZ0001,,,EXAMPLE,Tester,,,,,Alias,Good quality a.k.a,,,,,The Sample (Sanctions) Regulations,Individual,,Syria,dd/mm/1968,,99887766,,,,,
01/01/2026,ZZZ0001,,,The Sample,,,,,,Alias,Low quality a.k.a,,,,,The Sample (Sanctions) Regulations,Individual,,,00/05/1969,,,,,,,
01/01/2026,ZZZ0002,,,SAMPLE TRADING LTD,,,,,,Primary Name,,,,,,The Sample (Sanctions) Regulations,Entity,,,,,,,,,,
01/01/2026,ZZZ0003,,,SAMPLE STAR,,,,,,Primary Name,,,,,,The Sample (Sanctions) Regulations,Ship,,,,,,,,,9999993,
`,
  },
  uk_normalised: {
    subjects: `unique_id,subject_type,un_reference_number
ZZZ0001,individual,
ZZZ0002,entity,
`,
    names: `name_id,unique_id,name_type,alias_strength,full_name
0,ZZZ0001,primary,,Testan Middle EXAMPLESON
1,ZZZ0001,alias,low_quality_aka,The Sample
2,ZZZ0002,primary,,SAMPLE TRADING LTD
`,
    dobs: `dob_id,unique_id,year,month,day
0,ZZZ0001,1967,12,31
1,ZZZ0001,1968,,
`,
  },
  eu_csv: {
    file: `fileGenerationDate;Entity_LogicalId;Entity_EU_ReferenceNumber;Entity_Remark;Entity_SubjectType;Entity_SubjectType_ClassificationCode;Entity_Regulation_Programme;NameAlias_LastName;NameAlias_FirstName;NameAlias_MiddleName;NameAlias_WholeName;NameAlias_NameLanguage;NameAlias_Gender;Address_CountryIso2Code;BirthDate_BirthDate;BirthDate_YearRangeFrom;BirthDate_YearRangeTo;BirthDate_Circa;Citizenship_CountryIso2Code;Identification_Number;Identification_TypeCode;Identification_CountryIso2Code
2026-11-21;13;;;P;person;TEST;;;;Testan Examplov;;M;;;;;;;;;
2026-11-21;13;;;P;person;TEST;;;;Тестан Образцов;RU;;;;;;;;;;
2026-11-21;13;;;P;person;TEST;;;;;;;;1961-02-28;;;;;;;
2026-11-21;13;;;P;person;TEST;;;;;;;;;1970;1971;;;;;
2026-11-21;13;;;P;person;TEST;;;;;;;;;;;;RU;;;
2026-11-21;13;;;P;person;TEST;;;;;;;BY;;;;;;;;
2026-11-21;13;;;P;person;TEST;;;;;;;;;;;;;P123;passport;RU
2026-11-21;24;;;E;enterprise;TEST;;;;Sample "Works" JSC;;;;;;;;;;;
;;;;;;;;;;;;;;;;;;;;;
`,
  },
  opensanctions_csv: {
    file: `id,schema,name,aliases,birth_date,countries,addresses,identifiers,sanctions,phones,emails,program_ids,dataset,first_seen,last_seen,last_change
NK-1,Person,Testan Examplov,T. Examplov;Тестан Образцов,1961-02-28;1962,ru;by,"1, Sample Street",P123,TEST - 2026-01-01,,,TEST-1,Sample,2026-01-01,2026-11-21,2026-11-01
NK-2,Company,Sample Works JSC,,,ru,,,,,,,Sample,2026-01-01,2026-11-21,2026-11-01
`,
  },
  ftm_json: {
    file: `{"id":"NK-1","caption":"Testan Examplov","schema":"Person","properties":{"name":["Testan Examplov","Testán Examplov"],"alias":["Тестан Образцов"],"weakAlias":["The Sample"],"nationality":["ru"],"gender":["male"],"topics":["role.pep","sanction"]},"datasets":["sample"],"target":true}
{"id":"p-1","schema":"Passport","properties":{"holder":["NK-1"],"number":["P123"],"country":["ru"]},"target":false}
{"id":"s-1","schema":"Sanction","properties":{"entity":["NK-1"],"programId":["TEST-1"]},"target":false}
{"id":"w-1","schema":"CryptoWallet","properties":{"holder":["NK-1"],"publicKey":["1SampleAddress"],"currency":["BTC"]},"target":false}
{"id":"f-1","schema":"Family","properties":{"person":["NK-1"],"relative":["NK-2"]},"target":false}
{"id":"NK-2","caption":"Sampla Examplova","schema":"Person","properties":{"name":["Sampla Examplova"],"topics":["role.rca"]},"target":true}
{"id":"NK-3","caption":"Sample Works","schema":"Company","properties":{"name":["Sample Works"],"topics":["crime.fraud"]},"target":true}
{"id":"a-1","schema":"Address","properties":{"full":["1 Sample Street"]},"target":false}
`,
  },
  own_csv: {
    file: `id,kind,name,aliases,birth_dates,countries,gender,programs,remarks,topics,identifiers,crypto_addresses,position,relations
o-1,person,Testan Examplov,,1961-02-28,RU,male,,,pep;rca,passport:P123:MU,btc:1SampleAddress,Minister,
o-2,organisation,Sample Works,,,,,,,adverse_media;sanction,,,,
o-3,person,Sampla Examplova,,,,,,,,,,,o-1
`,
  },
};
