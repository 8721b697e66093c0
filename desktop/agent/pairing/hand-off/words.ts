/** What the hand-off page says, in five languages. It never says "paid": only the wallet can check a receipt. */

export interface PageWords {
  readonly handing: string;
  readonly answered: string;
  readonly refused: string;
  readonly silent: string;
  readonly nothing: string;
  readonly stranger: string;
  readonly back: string;
  readonly code: string;
  readonly scriptless: string;
}

export const PAGE_WORDS: Readonly<Record<'en' | 'id' | 'vi' | 'ar' | 'sw', PageWords>> = {
  en: {
    handing: 'Handing your payment to the shop…',
    answered: 'The shop has answered. Going back to your wallet…',
    refused: 'The shop did not take this payment. Going back to your wallet, which says why…',
    silent: 'The shop’s till does not answer. Go back to your wallet and show the code on its screen.',
    nothing: 'There is no payment on this page. Your wallet knows how it stands.',
    stranger: 'This page was opened by a wallet that this shop does not know. Nothing was handed over.',
    back: 'Back to my wallet',
    code: 'Code',
    scriptless:
      'This page cannot work without JavaScript. Go back to your wallet and show its code to the shop.',
  },
  id: {
    handing: 'Menyerahkan pembayaran Anda ke toko…',
    answered: 'Toko sudah menjawab. Kembali ke dompet Anda…',
    refused: 'Toko tidak menerima pembayaran ini. Kembali ke dompet Anda untuk melihat sebabnya…',
    silent: 'Kasir toko tidak menjawab. Kembalilah ke dompet Anda dan tunjukkan kode di layarnya.',
    nothing: 'Tidak ada pembayaran di halaman ini. Dompet Anda tahu bagaimana keadaannya.',
    stranger: 'Halaman ini dibuka oleh dompet yang tidak dikenal toko ini. Tidak ada yang diserahkan.',
    back: 'Kembali ke dompet saya',
    code: 'Kode',
    scriptless:
      'Halaman ini tidak dapat bekerja tanpa JavaScript. Kembalilah ke dompet Anda dan tunjukkan kodenya ke toko.',
  },
  vi: {
    handing: 'Đang giao khoản trả của bạn cho cửa hàng…',
    answered: 'Cửa hàng đã trả lời. Đang quay lại ví của bạn…',
    refused: 'Cửa hàng không nhận khoản trả này. Đang quay lại ví của bạn để xem lý do…',
    silent: 'Quầy của cửa hàng không trả lời. Hãy quay lại ví và đưa mã trên màn hình cho cửa hàng.',
    nothing: 'Không có khoản trả nào trên trang này. Ví của bạn biết tình trạng của nó.',
    stranger: 'Trang này do một ví mà cửa hàng không biết mở ra. Không có gì được giao.',
    back: 'Về ví của tôi',
    code: 'Mã',
    scriptless: 'Trang này cần JavaScript. Hãy quay lại ví và đưa mã của ví cho cửa hàng.',
  },
  ar: {
    handing: 'جارٍ تسليم دفعتك إلى المتجر…',
    answered: 'أجاب المتجر. جارٍ الرجوع إلى محفظتك…',
    refused: 'لم يقبل المتجر هذه الدفعة. جارٍ الرجوع إلى محفظتك لمعرفة السبب…',
    silent: 'صندوق المتجر لا يجيب. ارجع إلى محفظتك واعرض الرمز الظاهر على شاشتها.',
    nothing: 'لا توجد دفعة في هذه الصفحة. محفظتك تعرف حالها.',
    stranger: 'فتحت هذه الصفحة محفظة لا يعرفها هذا المتجر. لم يُسلَّم شيء.',
    back: 'الرجوع إلى محفظتي',
    code: 'الرمز',
    scriptless: 'لا تعمل هذه الصفحة من دون JavaScript. ارجع إلى محفظتك واعرض رمزها على المتجر.',
  },
  sw: {
    handing: 'Tunakabidhi malipo yako kwa duka…',
    answered: 'Duka limejibu. Tunarudi kwenye pochi yako…',
    refused: 'Duka halikupokea malipo haya. Tunarudi kwenye pochi yako, itakueleza sababu…',
    silent: 'Tili ya duka haijibu. Rudi kwenye pochi yako uonyeshe msimbo ulio kwenye skrini yake.',
    nothing: 'Hakuna malipo kwenye ukurasa huu. Pochi yako inajua hali yake.',
    stranger: 'Ukurasa huu umefunguliwa na pochi ambayo duka hili haliijui. Hakuna kilichokabidhiwa.',
    back: 'Rudi kwenye pochi yangu',
    code: 'Msimbo',
    scriptless:
      'Ukurasa huu haufanyi kazi bila JavaScript. Rudi kwenye pochi yako uonyeshe msimbo wake kwa duka.',
  },
};
