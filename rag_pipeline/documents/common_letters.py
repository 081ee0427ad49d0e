"""The commonest letters of languages that share their bytes: which of them a text is in, they tell.

The same two bytes are a Korean syllable in cp949, a Chinese character in GB18030 and another in EUC-JP. Decoded
rightly, most letters of any text are among a few hundred; decoded wrongly, hardly any are.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Nearly all syllables of Korean prose, of the 2,350 that KS X 1001 holds.
_KOREAN = frozenset(
    "이의에는다을가은하로한고지서대사기인를시으정어도년해리일아나스라전자수국했과부제들장있주상었그되선게위원보적무와성여명만월당트공것중영조구동화회"
    "후유였며소마신우드비경문세진계민미연통개된방면관치법단발모오용러재내학르군터안교거김등던행본데임타반작역실히천파노디할니간음결표차건두출엇요황루"
    "포크받체바함강태생때프분야현최입직언물름령식금산권려번호운았레불각력박설람초업판토록카격않종속까남몇키형평말누총삼매외처약승독심감합청양쇼없배투"
    "환버코점또집달예난탄범책더추근알올목린피론른래북규석준창살활브편저급즈울병광특변새열복따악참날네향돌느블같께졌송티확쟁란증희립메온페든째질곳견벌"
    "테찰철베능왕폭절별측첫징워떤담련랑존침애망패플못밝류검션항많술케막폐협됐손픽헌런캐림논품뒤백머택글극탈순색완렸친채및육쓰습곡필숙너슨몬앨맡족억움"
    "져취접틀봉량씨충쿠얼커훈죄획났싱널골몰죽링윤높례밀길잡클팀락빌축료엔득얻왔퇴녀겨홍쪽혁켓험층혼앞될찬허혹룹쳐갤칭럽앙칙큰럭뜻휘럼맞먼혔슬암율궁낸"
    "응퍼뮤뷔률걸엄갔욕즉랜혀넘닌턴냈압찾착떠램뉘줄홈튜짜겠콘렉슈컵좌갈폴긴귀갖써탑뢰좋릭략늘옹델끌익답붙액템롯괴푸볼객폰균뷰센끝팬츠헤킨잠핀뿐잘뉴놓"
    "욱웨엘념빠옥효웠켰팔흥멤렇랐탐꾸킹맹셜맥텔척솔팅컬졸갑촉밴즌혐혜샤풍쳤녹농덕섬빅흑맨잭닉힌쉬칸섭싸엑켜렌톱넣텐냐떨염쇄둔쿄덴콩돈넷렀둘랙힘탕먹돼"
    "딸깨핵엣앤찍빈곽캣곧므뽑룩겼뤄묘롭춘융납톤끼풀섰쓴칠떻눈룡낙싶듬뇌컴털짓촬몽믿랭륙캠잔킬십읽쉽님씀옆벤값흘옷웃잊앉닫젊깊짧넓얇굵묶꿈꽃쁘뛰똑땅쌀"
    "쏘쪼찌흙밥"
)
_JAMO = frozenset("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎㅏㅓㅗㅜㅠㅡㅣ")  # as they stand alone
_SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没"
    "动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应"
    "战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系"
    "气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界"
    "达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔请价您服联码测试单网版载添型"
    "号址账户登录密查删除选择输页软视频欢迎谢京汉语字编速首辑归档继续阅读草稿拒绝脚眉评源航栏订索引擎享仓库标签初始往览缩略图片消息邮箱键盘鼠屏幕显示"
    "复粘贴剪撤销恢络连断启闭停止暂播音乐游戏商店购买卖支付款银卡证份护照班票酒餐厅饭馆菜米肉鱼鸡鸭牛羊猪蛋奶茶咖啡糖盐油酱醋船舶港货集装吨吃深宽厂企"
    "技研究校课堂考答案习医药病患健康诊温湿雨雪风云晴阴春夏秋冬季左右午早晚夜周末假节历钟秒红黄蓝绿黑灰紫粉客质财协议署律章环境污染煤炭石阳核搜缺失拷"
    "贝贡献元存寻"
)
_TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒"
    "動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應"
    "戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系"
    "氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界"
    "達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運筆請價您服聯繫碼測試單網版歡迎"
    "謝京漢語字編首臺台灣港憲韓船輯歸檔繼續閱讀草稿拒絕腳眉評源航欄訂索引擎享倉庫標籤錄初始往覽縮略圖片頻消息郵箱鍵盤鼠屏幕顯示複製貼剪撤銷恢復絡連斷"
    "啟閉停止暫播音樂遊戲商店購買賣支付款銀卡號證份護照班票酒餐廳飯館菜米麵肉魚雞鴨牛羊豬蛋奶茶咖啡糖鹽油醬醋舶貨輸櫃噸吃深寬廠企技研究校課堂考答案習"
    "醫藥病患健康診溫濕雨雪風雲晴陰春夏秋冬季左右午早晚夜週末假節曆鐘秒紅黃藍綠黑灰紫粉客戶質財協議簽署律章環境污染煤炭石陽核留言貢獻元貝存搜尋缺失封"
    "除頁"
)
_KANJI = frozenset(
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米力学問高代明実円関決子"
    "動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都和統以機平総加山思家話世受区領多県続進正安設"
    "保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川向際査勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任"
    "引使求所次水品半論計死官増係感特情投示変打男基私各始島直両朝価式確村提運終果西勢減広容必応演電歳住争談能無再位置真流格有過局少放税常町校料状工建"
    "語球営空職証土与急止送援供可役構木割聞身費付施切由説転食比難防車船港様願致申込株編去稿拒否検索含頁閉図館駅阪神曜春夏秋冬昼夕夜父母兄弟姉妹友達犬"
    "猫鳥魚花雨雪風火石銀銅鉄紙糸布色青赤白黒黄緑茶喫隻航賃荷積湾岸橋塔門庭屋根室階段窓机椅棚箱袋鍵傘靴服帽眼鏡符旅券郵便病薬医歯科看護師警察署消幼稚"
    "園授研究博士"
)
_WESTERN_SIGNS = frozenset("’‘“”„–—…•€£©®™°±§«»·½¼¾²³×¡¿ºªµ\xa0†‰›‹")
_WESTERN_QUOTES = frozenset("’‘“”„–—…¡¿«»›‹\xa0")
_CLOSING = frozenset("’”»›…–—")
_WESTERN_WORDS = frozenset("àáéèêóòôæåøöäÀÁÉÈÓÅØÖÄÆëíúÿñ") - {"ÿ"}
_KANA = frozenset(map(chr, [*range(0x3041, 0x3094), *range(0x30A1, 0x30FD)]))
_KOREAN_COMMON = _KOREAN | _TRADITIONAL | _JAMO | _KANA
_FOREIGN_RUN = re.compile(r"([A-Za-z]?)([^\x00-\x7f]+)([A-Za-z]?)")


def share_of_common(text: str, encoding: str) -> float:
    """Which share of a text's letters beyond ASCII is common in the language of an encoding, from 0 to 1.

    Signs, such as lines of a drawn table, count for nothing; of a text with no other, the share is 0.4.
    """
    if encoding == "cp1252":
        return _western(text)
    if encoding in ("gb18030", "big5hkscs"):
        return _among(text, _SIMPLIFIED if encoding == "gb18030" else _TRADITIONAL, _is_letter)
    return _japanese(text) if encoding in ("cp932", "euc_jp") else _korean(text)


def _korean(text: str) -> float:
    letters = [character for character in text if _is_korean_letter(character)]
    hangul = [character for character in letters if "가" <= character <= "힣"]
    common = sum(character in _KOREAN for character in hangul)
    if hangul and common < 0.5 * len(hangul):
        return common / len(letters) + (0.25 if len(hangul) == len(letters) else 0.0)
    # Hanja in a Korean text is written in the traditional forms; single letters are those of a chat.
    share = _among(text, _KOREAN_COMMON, _is_korean_letter)
    # Any two bytes of Western and Chinese texts are seldom Hangul throughout.
    return share + (0.25 if all("\u3131" <= character <= "힣" for character in letters) else 0.0)


def _japanese(text: str) -> float:
    kana = sum(character in _KANA for character in text)
    letters = sum(map(_is_letter, text))
    if not letters:
        return 0.3
    kanji = sum(character in _KANJI for character in text)
    # No kana, no sentence: what few characters are left may as well be Korean.
    return (kana + (kanji if kana else 0.5 * kanji)) / letters


def _western(text: str) -> float:
    """Accents stand in words, one or two together, and signs alone; bytes of other languages come in long runs."""
    good = total = 0
    for before, run, after in _FOREIGN_RUN.findall(text):
        total += len(run)
        letters = [character for character in run if character.isalpha()]
        if not letters:
            fits = (
                all(character in _WESTERN_SIGNS for character in run)
                and len(run) <= 2
                and (len(run) == 1 or run[-1] in _CLOSING)
            )
        else:
            fits = (
                len(run) <= 3
                and all(character.isalpha() or character in _WESTERN_QUOTES for character in run)
                and ((bool(before or after) and len(letters) <= 2) or (len(run) == 1 and run in _WESTERN_WORDS))
            )
        good += len(run) if fits else 0
    return good / total if total else 0.0


def _among(text: str, common: frozenset[str], letters_of: Callable[[str], bool]) -> float:
    letters = [character for character in text if letters_of(character)]
    return sum(character in common for character in letters) / len(letters) if letters else 0.4


def _is_letter(character: str) -> bool:
    return character > "\x7f" and (character.isalpha() or "\ue000" <= character <= "\uf8ff" or character == "\ufffd")


def _is_korean_letter(character: str) -> bool:
    """Letters that make a word in a Korean text; Greek ones and units in one character are signs among them."""
    return _is_letter(character) and (character >= "\u3041" or "\u1100" <= character <= "\u11ff")
