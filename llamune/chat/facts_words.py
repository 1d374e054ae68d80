"""Words that tell nothing: written here as text, because a list of quoted words cannot be read.

Form words of English, words with a capital that name no one, frequent loan words, and formal Japanese words that
stand in every answer. The lists are short on purpose; a missing word costs a little precision, no more.
"""

_STOP = """
a an the of to in on at by for from with and or but as is are was were be been being it its this that these
those there their they them he she his her you your we our i if then than so do does did has have had will
would can could should may might must not no about after before into over under up out also which who what
when where how each any all some more most very just only such other per via both let please usually typically
generally
"""
_KANA = """
これ それ あれ どれ ここ そこ この その また なお まず ただし さらに そして それで しかし だから つまり
たとえば など ため とき こと もの ところ よう まで から より ほど だけ ほか および または ください です ます
あり なし ある いる する なる できる でき として ついて つぎ はい いいえ
"""
_CALENDAR = """
january february march april may june july august september october november december monday tuesday wednesday
thursday friday saturday sunday mon tue wed thu fri sat sun jan feb mar apr jun jul aug sep sept oct nov dec
"""
_PLAIN = """
i yes no ok am pm the a an if it in on at to you they we he she this that these those there note important tip
warning example summary step point answer q article section rule clause here bake mix however also first
second third finally then next please for do does don't not kg km gb mb tb ml cm mm hz kwh usd jpy eur gbp fy
s r h
"""
_COMMON = """
サーバ サーバー ユーザ ユーザー メール データ ファイル フォルダ フォルダー パスワード アカウント ログイン
システム ソフト ソフトウェア ハードウェア アプリ アプリケーション プログラム コード サイト ページ リンク
ボタン メニュー クリック インストール ダウンロード ネットワーク ルータ ルーター ケーブル パソコン コンピュータ
コンピューター スマートフォン スマホ タブレット プリンタ プリンター キーボード マウス ディスプレイ モデル
サービス サポート チェック テスト レビュー ステップ ポイント ケース タイプ レベル リスト メモ ノート
スケジュール プロジェクト チーム メンバー リーダー ビジネス マーケティング コスト リスク メリット デメリット
ルール マナー トラブル エラー バグ セキュリティ バックアップ オンライン オフライン リモート リモートワーク
テレワーク アルバイト パート キャンセル ローン クレジットカード カード チケット ホテル レストラン バス
タクシー エネルギー バランス ストレス ビタミン カロリー タンパク質 ミネラル アドバイス アイデア イメージ
コミュニケーション スキル テーマ タイミング ペース パターン グループ センター ドア テーブル ガス トイレ
シャワー ゴミ ペット スポーツ トレーニング リラックス オーブン ボウル フライパン グラム メートル キログラム
キロメートル パーセント リットル センチ センチメートル ミリ ドル ユーロ ポンド トン キロ ギガ バイト
ギガバイト メガバイト ビザ パスポート コピー サイン アクセス オプション デフォルト ツール キー ユニット
スタート ゴール カメラ ビデオ テレビ ラジオ インターネット ウェブ ブラウザ バージョン アップデート エンジン
タイヤ ブレーキ ガソリン スーパー コンビニ マンション アパート ビル エレベーター フロア スペース ルーム ベッド
シート サイズ カラー デザイン ブランド メーカー ショップ セール ポスト チャンス ベスト プラス マイナス ゼロ
トータル ニーズ シンプル スムーズ スピード クラス スタッフ マネージャー オフィス ミーティング プレゼン
レポート フォーム フォーマット テキスト リクエスト レスポンス キャッシュ メモリ ディスク ドライブ プロセス
スレッド タスク ループ パッケージ ライブラリ
"""
_EMPTY = """
必要 場合 以下 以上 方法 確認 可能 内容 対象 基本 一般 通常 注意 重要 理由 結果 説明 利用 使用 実際 自分 本人
次第 以内 規定 原則 期限 手続 提出 適用 実施 発生 存在 関係 影響 問題 状況 部分 全体 詳細 目的 時間 時期 期間
最後 最初 場所 人々 大切 有効 特徴 代表 現在 今後 年間 日本
"""

STOP = frozenset(_STOP.split())  # English words that say nothing on the subject
KANA = frozenset(_KANA.split())  # Japanese words in kana that say nothing on the subject
CALENDAR = frozenset(_CALENDAR.split())  # capitals of the calendar
PLAIN = frozenset(_PLAIN.split())  # words that are capitalised where a sentence or list item begins
COMMON = frozenset(_COMMON.split())  # loan words that name no one
EMPTY = frozenset(_EMPTY.split())  # Japanese words whose absence means nothing
