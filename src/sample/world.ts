import { region, type Region } from './regions.js';

/** The lingua franca of the samples: what is about no region is named in it. */
export const english = region('en', {
  firstNames: 'Olivia|James|Amara|Noah|Grace|Siobhán|Liam|Zoë|Priya|Marcus|Chloe|Ethan',
  lastNames: 'Smith|O’Connor|Walker|Okafor|Patel|Hughes|McKenzie|Brontë|Taylor|Nguyen|Adams|Reid',
  fullName: '{first} {last}',
  companies: '{last} Ltd|{last} & Sons|{last} Logistics Inc.|{last} Foods',
  places:
    'New York, 10013, US, 40.7205, -74.0052|London, EC2A 4NE, GB, 51.5246, -0.0824|Sydney, 2000, AU, -33.8688, 151.2093|Cape Town, 8001, ZA, -33.9249, 18.4241|San Francisco, 94107, US, 37.7697, -122.3933',
  streets: '# High Street|# Mill Lane|# Church Street|# Station Road|# Harbour Road, Unit #',
  notes: 'Leave with a neighbour|Ring twice|Prefers e-mail, not phone|Gate code at reception',
  titles: 'Contacts|Groups|Locations|Shipments|Trackers|Label scans',
  titleOfCity: '{title} for {city}',
});

/** Where the people and places of the samples are, in the scripts that are written there. */
export const regions: readonly Region[] = [
  english,
  region('de', {
    firstNames:
      'Jürgen:juergen|Anna|Björn:bjoern|Käthe:kaethe|Lukas|Sören:soeren|Frieda|Matthäus|Ida',
    lastNames:
      'Müller:mueller|Weiß:weiss|Schäfer:schaefer|Groß:gross|Huber|Köhler:koehler|Bürgi|Vogt',
    fullName: '{first} {last}',
    companies: '{last} GmbH|{last} & Söhne KG|Spedition {last}|Bäckerei {last}',
    places:
      'Zürich, 8001, CH, 47.3769, 8.5417|Köln, 50667, DE, 50.9375, 6.9603|München, 80331, DE, 48.1371, 11.5754|Wien, 1010, AT, 48.2082, 16.3738',
    streets: 'Bahnhofstraße #|Lindenweg #|An der Mühle #|Große Gasse #',
    notes: 'Bitte beim Nachbarn abgeben|Anlieferung über den Hof|Rückruf erwünscht',
    titles: 'Kontakte|Gruppen|Standorte|Sendungen|Sendungsverfolgung|Etiketten',
    titleOfCity: '{title} für {city}',
  }),
  region('fr', {
    firstNames: 'Amélie|Noël|Chloé|Hélène|François|Théo|Inès|Loïc|Margaux',
    lastNames: 'Lefèvre|Dubois|Gagné|Côté|Moreau|D’Arcy|Béranger|Roux',
    fullName: '{first} {last}',
    companies: '{last} SARL|Maison {last}|{last} et Fils|Transports {last}',
    places:
      'Montréal, H2Y 1C6, CA, 45.5019, -73.5674|Paris, 75011, FR, 48.8589, 2.3795|Orléans, 45000, FR, 47.9029, 1.9039',
    streets: '#, rue de la République|#, allée des Érables|#, quai Saint-Michel',
    notes: 'Déposer chez la gardienne|Fragile, à manipuler avec soin|Appeler à l’arrivée',
    titles: 'Contacts|Groupes|Sites|Expéditions|Suivi des colis|Étiquettes lues',
    titleOfCity: '{title} pour {city}',
  }),
  region('pl', {
    firstNames:
      'Łukasz:lukasz|Małgorzata:malgorzata|Paweł:pawel|Zofia|Stanisław:stanislaw|Agnieszka|Jan',
    lastNames: 'Wójcik|Kowalczyk|Zieliński|Dąbrowski|Szymańska|Woźniak|Krawczyk|Żak',
    fullName: '{first} {last}',
    companies: '{last} Sp. z o.o.|Hurtownia {last}|{last} i Wspólnicy',
    places:
      'Łódź, 90-001, PL, 51.7592, 19.456|Kraków, 31-042, PL, 50.0614, 19.9366|Gdańsk, 80-830, PL, 54.3504, 18.6471',
    streets: 'ul. Polna #|ul. Świętojańska #|al. Wojska Polskiego #/#',
    notes: 'Dzwonić przed dostawą|Paczkomat przy wejściu|Odbiór osobisty',
    titles: 'Kontakty|Grupy|Lokalizacje|Przesyłki|Śledzenie paczek|Odczyt etykiet',
    titleOfCity: '{title} – {city}',
  }),
  region('pt', {
    firstNames: 'João|Conceição|Inês|Vitória|Antônio|Luís|Thaís|Caetano',
    lastNames: 'Gonçalves|Simões|Araújo|Magalhães|Corrêa|Brandão|Furtado',
    fullName: '{first} {last}',
    companies: '{last} Ltda.|Café {last}|Irmãos {last} S.A.',
    places:
      'São Paulo, 01001-000, BR, -23.5505, -46.6333|Belém, 66010-000, BR, -1.4558, -48.5039|Lisboa, 1100-148, PT, 38.7223, -9.1393',
    streets: 'Rua das Flores, #|Rua São João, #|Travessa do Comércio, #',
    notes: 'Deixar na portaria|Entregar só pela manhã|Cliente desde a fundação',
    titles: 'Contatos|Grupos|Locais|Remessas|Rastreamento|Etiquetas lidas',
    titleOfCity: '{title} de {city}',
  }),
  region('ru', {
    firstNames:
      'Юлия:yulia|Алексей:alexey|Айгерим:aigerim|Дмитрий:dmitry|Наталья:natalya|Тимур:timur',
    lastNames:
      'Ким:kim|Шевченко:shevchenko|Ахметов:akhmetov|Кузнец:kuznets|Лебедь:lebed|Мельник:melnik',
    fullName: '{last} {first}',
    companies: 'ООО «{last}»|Торговый дом «{last}»|{last} и партнёры',
    places:
      'Алматы, 050000, KZ, 43.2389, 76.8897|Астана, 010000, KZ, 51.1694, 71.4491|Бишкек, 720000, KG, 42.8746, 74.5698',
    streets: 'ул. Абая, #|пр. Мира, #, кв. #|ул. Советская, #',
    notes: 'Позвонить за час|Оставить на охране|Только после 18:00',
    titles: 'Контакты|Группы|Склады|Отправления|Отслеживание|Этикетки',
    titleOfCity: '{title}: {city}',
  }),
  region('el', {
    firstNames: 'Ελένη:eleni|Γιώργος:giorgos|Αθηνά:athina|Νίκος:nikos|Σοφία:sofia|Χρήστος:christos',
    lastNames: 'Παπαδάκης:papadakis|Οικονόμου:oikonomou|Αγγέλου:angelou|Βλάχου:vlachou|Δήμου:dimou',
    fullName: '{first} {last}',
    companies: '{last} Α.Ε.|Αφοί {last} Ο.Ε.|Μεταφορές {last}',
    places:
      'Αθήνα, 105 57, GR, 37.9755, 23.7348|Θεσσαλονίκη, 546 24, GR, 40.6401, 22.9444|Ηράκλειο, 712 02, GR, 35.3387, 25.1442',
    streets: 'Ερμού #|Κύπρου #|Ελευθερίου Βενιζέλου #',
    notes: 'Κουδούνι στον 2ο όροφο|Παράδοση μόνο πρωί',
    titles: 'Επαφές|Ομάδες|Τοποθεσίες|Αποστολές|Παρακολούθηση|Ετικέτες',
    titleOfCity: '{title} – {city}',
  }),
  region('ja', {
    firstNames:
      '美咲:misaki|翔太:shota|さくら:sakura|健一:kenichi|結衣:yui|蓮:ren|陽菜:hina|ケン:ken',
    lastNames:
      '佐藤:sato|鈴木:suzuki|髙橋:takahashi|渡邉:watanabe|小林:kobayashi|𠮷田:yoshida|森:mori',
    fullName: '{last} {first}',
    companies: '株式会社{last}商店|{last}運輸株式会社|有限会社{last}製作所',
    places:
      '東京都渋谷区, 150-0001, JP, 35.664, 139.6982|大阪市北区, 530-0001, JP, 34.7055, 135.4983|札幌市中央区, 060-0001, JP, 43.0621, 141.3544',
    streets: '本町2丁目#番#号|栄町3-#-#|緑町1丁目#番地',
    notes: '宅配ボックスへ|午前中指定|電話連絡のうえ配達',
    titles: '顧客リスト|グループ|拠点一覧|出荷データ|配送状況|送り状読み取り',
    titleOfCity: '{city}の{title}',
  }),
  region('zh', {
    firstNames: '伟:wei|秀英:xiuying|子涵:zihan|建国:jianguo|雨桐:yutong|浩然:haoran|芳:fang',
    lastNames: '王:wang|李:li|欧阳:ouyang|陈:chen|刘:liu|黄:huang|赵:zhao',
    fullName: '{last}{first}',
    companies: '{last}氏贸易有限公司|{last}记食品厂|{last}氏物流集团',
    places:
      '北京市, 100010, CN, 39.9042, 116.4074|上海市, 200001, CN, 31.2304, 121.4737|成都市, 610016, CN, 30.657, 104.0658',
    streets: '人民路#号|中山路#弄#号|解放路#号',
    notes: '请放门卫处|送货前请致电|周末可收货',
    titles: '联系人|群组|网点|发货记录|物流跟踪|面单识别',
    titleOfCity: '{city}{title}',
  }),
  region('ko', {
    firstNames: '서연:seoyeon|민준:minjun|지우:jiwoo|하은:haeun|도윤:doyun|예진:yejin',
    lastNames: '김:kim|이:lee|박:park|최:choi|정:jung|한:han',
    fullName: '{last}{first}',
    companies: '(주){last}상사|{last}물류|{last}푸드 주식회사',
    places:
      '서울특별시, 04524, KR, 37.5663, 126.9779|부산광역시, 47545, KR, 35.1796, 129.0756|제주시, 63122, KR, 33.4996, 126.5312',
    streets: '중앙로 #|공원로 #번길 #|시장길 #',
    notes: '문 앞에 놓아 주세요|배송 전 연락 바랍니다',
    titles: '연락처|그룹|거점 목록|배송 내역|배송 추적|송장 인식',
    titleOfCity: '{city} {title}',
  }),
  region('ar', {
    firstNames: 'ليلى:layla|يوسف:yousef|فاطمة:fatima|عمر:omar|نور:noor|خالد:khaled',
    lastNames: 'حداد:haddad|المصري:almasri|الخطيب:alkhatib|ناصر:nasser|الزعبي:alzoubi',
    fullName: '{first} {last}',
    companies: 'شركة {last} للتجارة|مؤسسة {last} للشحن|مخابز {last}',
    places:
      'دبي, 00000, AE, 25.2048, 55.2708|عمّان, 11118, JO, 31.9539, 35.9106|القاهرة, 11511, EG, 30.0444, 31.2357',
    streets: 'شارع السلام #|شارع السوق #|شارع النخيل #',
    notes: 'يرجى الاتصال قبل التوصيل|التسليم للحارس',
    titles: 'جهات الاتصال|المجموعات|المواقع|رسائل الشحن|تتبع الشحنات|ملصقات الشحن',
    titleOfCity: '{title} - {city}',
  }),
  region('he', {
    firstNames: 'נועה:noa|דוד:david|תמר:tamar|איתי:itai|שירה:shira|יעל:yael',
    lastNames: 'כהן:cohen|לוי:levi|מזרחי:mizrahi|ברק:barak|גולן:golan',
    fullName: '{first} {last}',
    companies: '{last} בע״מ|מאפיית {last}|{last} הובלות',
    places:
      'תל אביב, 6433222, IL, 32.0853, 34.7818|חיפה, 3303133, IL, 32.8156, 34.9892|ירושלים, 9426206, IL, 31.7834, 35.2156',
    streets: 'רחוב הרצל #|רחוב הגפן #|שדרות ירושלים #',
    notes: 'להשאיר אצל השכן|לתאם טלפונית',
    titles: 'אנשי קשר|קבוצות|מיקומים|משלוחים|מעקב משלוחים|תוויות',
    titleOfCity: '{title} – {city}',
  }),
];
